import ACME
import CertctlCrypto

/// One entry of the settings table: a setting with a value of this type.
///
/// The option of the command line, the key of `certctl.toml`, the key in a lineage's file, the order of
/// precedence and the row of the reference page all come from it.
package struct Setting<Value: SettingType>: Sendable {
  /// All that is known of it, without its type.
  package let definition: SettingDefinition

  /// Where a lineage keeps its value.
  struct Place: Sendable {
    /// Nowhere: it is not a setting of a lineage.
    static var nowhere: Place { Place(kind: .nowhere) }
    /// Under a key of its own in the lineage's file; its name there, if it is not that of the option.
    static func own(_ name: String? = nil) -> Place { Place(kind: .own(name)) }
    /// In a part of the settings.
    static func at(_ path: any WritableKeyPath<LineageSettings, Value?> & Sendable) -> Place {
      Place(
        kind: .part(isMergedAlone: true), get: { $0[keyPath: path]?.settingValue },
        set: { $0[keyPath: path] = $1.flatMap(Value.init(settingValue:)) })
    }
    /// In a part that is resolved as a whole, since its settings depend on each other.
    static func within(_ path: any WritableKeyPath<LineageSettings, Value?> & Sendable) -> Place {
      var place = at(path)
      place.kind = .part(isMergedAlone: false)
      return place
    }
    /// As something that follows from it.
    static func following<T: SettingType>(_ path: any KeyPath<LineageSettings, T?> & Sendable)
      -> Place
    {
      Place(kind: .part(isMergedAlone: false), get: { $0[keyPath: path]?.settingValue })
    }

    fileprivate var kind: SettingDefinition.Kind
    fileprivate var get: (@Sendable (LineageSettings) -> SettingValue?)?
    fileprivate var set: (@Sendable (inout LineageSettings, SettingValue?) -> Void)?
  }

  /// How a person writes its value.
  struct Form: Sendable {
    fileprivate let form: SettingForm
  }

  /// An entry.
  ///
  /// - Parameters:
  ///   - key: The key in `certctl.toml`, and the option without its hyphens.
  ///   - form: How its value is written.
  ///   - section: The section of the help in which its option stands.
  ///   - aliases: Other names of the option.
  ///   - valueName: What the help calls the value; the key by default.
  ///   - place: Where a lineage keeps it.
  ///   - isInFile: Whether `certctl.toml` may have it.
  ///   - fallback: The default that is written down with each lineage; nil for one that is not.
  ///   - none: The help of an option `--no-KEY` that says "none", for a list.
  ///   - empty: What to give instead of an empty text; nil where that may mean something.
  ///   - change: Why a new value makes a new certificate due, from that value; nil if it does not.
  ///   - check: What a value of the file must fulfil beyond its form; it may put it in another way.
  ///   - help: What it is, for the help and the reference page.
  init(
    _ key: String, _ form: Form, in section: SettingSection, aliases: [String] = [],
    valueName: String? = nil, kept place: Place = .own(), isInFile: Bool = true,
    fallback: Value? = nil, none: String? = nil, empty: String? = nil,
    change: (@Sendable (SettingValue?) -> String)? = nil,
    check: (@Sendable (inout Value) throws -> Void)? = nil, help: String
  ) {
    definition = SettingDefinition(
      key: key, aliases: aliases, form: form.form, type: Value.self, section: section,
      valueName: valueName, help: help, noneHelp: none, emptyHint: empty, isInFile: isInFile,
      fallback: fallback?.settingValue, change: change, kind: place.kind, get: place.get,
      set: place.set,
      check: { value in
        guard let check, var typed = Value(settingValue: value) else { return value }
        try check(&typed)
        return typed.settingValue
      })
  }
}

extension Setting.Form where Value == String {
  /// Any text.
  static var text: Self { Self(form: .text) }
  /// A path: absolute in the file, made absolute on the command line.
  static var path: Self { Self(form: .path) }
}

extension Setting.Form where Value == [String] {
  /// Texts; the option is repeated.
  static var texts: Self { Self(form: .texts) }
  /// Paths; the option is repeated.
  static var paths: Self { Self(form: .paths) }
}

extension Setting.Form where Value == Bool {
  /// Yes, or not given.
  static var yes: Self { Self(form: .yes) }
  /// Yes or no: `--key` or `--no-key`.
  static var yesOrNo: Self { Self(form: .yesOrNo) }
}

extension Setting.Form where Value == Int {
  /// A port.
  static var port: Self { Self(form: .number(1...65535, .port)) }
  /// A number of things.
  static func number(_ range: ClosedRange<Int>) -> Self { Self(form: .number(range, .number)) }
  /// A time in seconds.
  static func seconds(_ range: ClosedRange<Int>) -> Self { Self(form: .number(range, .seconds)) }
}

extension Setting.Form where Value == [String: String] {
  /// A table, in the file only; what it holds.
  static func table(of contents: String) -> Self { Self(form: .table(contents)) }
}

extension Setting.Form where Value: RawRepresentable, Value.RawValue == String {
  /// One of the words of its type.
  static var word: Self { Self(form: .word) }
  /// Any word: which there are is not known to the command line.
  static var openWord: Self { Self(form: .text) }
}

/// How a person writes the value of a setting.
package enum SettingForm: Sendable {
  case text, path, texts, paths, yes, yesOrNo, word
  case number(ClosedRange<Int>, Unit)
  case table(String)

  /// What a number counts.
  package enum Unit: Sendable { case port, number, seconds }
}

/// A section of the help and of the reference page.
package enum SettingSection: String, Sendable, CaseIterable {
  case authority = "Certificate authority"
  case account = "Account"
  case validation = "Validation"
  case certificate = "Certificate"
  case deployment = "Deployment"
  case renewal = "Renewal"
  /// Of the host, in `certctl.toml` only.
  case host = "Host"
}

/// An entry of the settings table, whatever its value's type is.
package struct SettingDefinition: Sendable {
  /// The key in `certctl.toml`, and the option without its hyphens.
  package let key: String
  /// Other names of the option.
  package let aliases: [String]
  package let form: SettingForm
  package let type: any SettingType.Type
  package let section: SettingSection
  package let valueName: String?
  package let help: String
  package let noneHelp: String?
  package let emptyHint: String?
  /// Whether `certctl.toml` may have it.
  package let isInFile: Bool
  /// The default that is written down with each lineage.
  package let fallback: SettingValue?
  /// Why a new value makes a new certificate due.
  let change: (@Sendable (SettingValue?) -> String)?
  fileprivate let kind: Kind
  fileprivate let get: (@Sendable (LineageSettings) -> SettingValue?)?
  fileprivate let set: (@Sendable (inout LineageSettings, SettingValue?) -> Void)?
  /// What a value of the file is kept as.
  package let check: @Sendable (SettingValue) throws -> SettingValue

  fileprivate enum Kind: Sendable {
    case nowhere
    case own(String?)
    case part(isMergedAlone: Bool)
  }

  /// Whether there is an option for it.
  package var isOption: Bool { section != .host }

  /// Whether a lineage remembers it.
  package var isKept: Bool {
    if case .nowhere = kind { return false }
    return true
  }

  /// Whether a new value makes a new certificate due.
  package var affectsCertificate: Bool { change != nil }

  /// Whether it is resolved without a look at other settings.
  package var isMergedAlone: Bool {
    switch kind {
    case .own: true
    case .part(let isMergedAlone): isMergedAlone
    case .nowhere: false
    }
  }

  /// Its key in a lineage's file; nil for one that has none of its own.
  package var keptName: String? {
    guard case .own(let name) = kind else { return nil }
    if let name { return name }
    let words = key.split(separator: "-").map(String.init)
    let capitalised = words.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }
    return (words.prefix(1) + capitalised).joined()
  }

  /// Its value in the settings of a lineage.
  func value(in settings: LineageSettings) -> SettingValue? {
    get.map { $0(settings) } ?? settings.own[key]
  }

  /// Puts its value into the settings of a lineage.
  func put(_ value: SettingValue?, into settings: inout LineageSettings) {
    if case .own = kind { settings.own[key] = value }
    set?(&settings, value)
  }
}
