import ACME
import CertctlCrypto

/// An entry in the settings table, with the type of its value.
///
/// It defines the command-line option, the key in `certctl.toml`, the key in a lineage's file, the
/// precedence and the row on the reference page.
package struct Setting<Value: SettingType>: Sendable {
  /// The definition without the type of the value.
  package let definition: SettingDefinition

  /// The location of the value in a lineage's settings.
  struct Place: Sendable {
    /// Nowhere: the value is not saved with a lineage.
    static var nowhere: Place { Place(kind: .nowhere) }
    /// A separate key in the lineage's file, with a name if it differs from the option's.
    static func own(_ name: String? = nil) -> Place { Place(kind: .own(name)) }
    /// A property in a group of settings.
    static func at(_ path: any WritableKeyPath<LineageSettings, Value?> & Sendable) -> Place {
      Place(
        kind: .part(isMergedAlone: true), get: { $0[keyPath: path]?.settingValue },
        set: { $0[keyPath: path] = $1.flatMap(Value.init(settingValue:)) })
    }
    /// A property in a group that is resolved as a whole: its settings depend on each other.
    static func within(_ path: any WritableKeyPath<LineageSettings, Value?> & Sendable) -> Place {
      var place = at(path)
      place.kind = .part(isMergedAlone: false)
      return place
    }
    /// A value derived from the setting.
    static func following<T: SettingType>(_ path: any KeyPath<LineageSettings, T?> & Sendable)
      -> Place
    {
      Place(kind: .part(isMergedAlone: false), get: { $0[keyPath: path]?.settingValue })
    }

    fileprivate var kind: SettingDefinition.Kind
    fileprivate var get: (@Sendable (LineageSettings) -> SettingValue?)?
    fileprivate var set: (@Sendable (inout LineageSettings, SettingValue?) -> Void)?
  }

  /// The written form of the value.
  struct Form: Sendable {
    fileprivate let form: SettingForm
  }

  /// Creates an entry.
  ///
  /// - Parameters:
  ///   - key: The key in `certctl.toml`, and the option without its hyphens.
  ///   - form: The written form of the value.
  ///   - section: The help section of the option.
  ///   - aliases: Other names of the option.
  ///   - valueName: The name of the value in the help; the key by default.
  ///   - place: The location in a lineage's settings.
  ///   - isInFile: Whether `certctl.toml` may contain the setting.
  ///   - fallback: The default that is saved with each lineage; nil to save none.
  ///   - none: The help of the option `--no-KEY`, which empties a list.
  ///   - empty: The hint for an empty text; nil if an empty text is valid.
  ///   - change: Returns why a value requires a new certificate; nil if the setting never does.
  ///   - check: Checks a value of the file beyond its form, and may convert it.
  ///   - help: The text for the help and the reference page.
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
  /// A path: absolute in the file, absolute or relative on the command line.
  static var path: Self { Self(form: .path) }
}

extension Setting.Form where Value == [String] {
  /// Texts; the option may be repeated.
  static var texts: Self { Self(form: .texts) }
  /// Paths; the option may be repeated.
  static var paths: Self { Self(form: .paths) }
}

extension Setting.Form where Value == Bool {
  /// A flag that can only be set: `--key`.
  static var yes: Self { Self(form: .yes) }
  /// A flag: `--key` or `--no-key`.
  static var yesOrNo: Self { Self(form: .yesOrNo) }
}

extension Setting.Form where Value == Int {
  /// A port.
  static var port: Self { Self(form: .number(1...65535, .port)) }
  /// A number in a range.
  static func number(_ range: ClosedRange<Int>) -> Self { Self(form: .number(range, .number)) }
  /// A time in seconds.
  static func seconds(_ range: ClosedRange<Int>) -> Self { Self(form: .number(range, .seconds)) }
}

extension Setting.Form where Value == [String: String] {
  /// A table, only in the file, with a description of its contents.
  static func table(of contents: String) -> Self { Self(form: .table(contents)) }
}

extension Setting.Form where Value: RawRepresentable, Value.RawValue == String {
  /// One of the words of the type.
  static var word: Self { Self(form: .word) }
  /// Any word, because the command line does not know all of them.
  static var openWord: Self { Self(form: .text) }
}

/// The written form of a setting's value.
package enum SettingForm: Sendable {
  case text, path, texts, paths, yes, yesOrNo, word
  case number(ClosedRange<Int>, Unit)
  case table(String)

  /// The unit of a number.
  package enum Unit: Sendable { case port, number, seconds }
}

/// A section of the help and the reference page.
package enum SettingSection: String, Sendable, CaseIterable {
  case authority = "Certificate authority"
  case account = "Account"
  case validation = "Validation"
  case certificate = "Certificate"
  case deployment = "Deployment"
  case renewal = "Renewal"
  /// Settings of the host, only in `certctl.toml`.
  case host = "Host"
}

/// An entry in the settings table, without the type of its value.
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
  /// Whether `certctl.toml` may contain the setting.
  package let isInFile: Bool
  /// The default that is saved with each lineage.
  package let fallback: SettingValue?
  /// Returns why a value requires a new certificate.
  let change: (@Sendable (SettingValue?) -> String)?
  fileprivate let kind: Kind
  fileprivate let get: (@Sendable (LineageSettings) -> SettingValue?)?
  fileprivate let set: (@Sendable (inout LineageSettings, SettingValue?) -> Void)?
  /// Checks a value of the file and returns it in the form to keep.
  package let check: @Sendable (SettingValue) throws -> SettingValue

  fileprivate enum Kind: Sendable {
    case nowhere
    case own(String?)
    case part(isMergedAlone: Bool)
  }

  /// Whether the setting has an option.
  package var isOption: Bool { section != .host }

  /// Whether the setting is saved with a lineage.
  package var isKept: Bool {
    if case .nowhere = kind { return false }
    return true
  }

  /// Whether a new value requires a new certificate.
  package var affectsCertificate: Bool { change != nil }

  /// Whether the setting is resolved independently of others.
  package var isMergedAlone: Bool {
    switch kind {
    case .own: true
    case .part(let isMergedAlone): isMergedAlone
    case .nowhere: false
    }
  }

  /// The separate key in a lineage's file; nil if there is none.
  package var keptName: String? {
    guard case .own(let name) = kind else { return nil }
    if let name { return name }
    let words = key.split(separator: "-").map(String.init)
    let capitalised = words.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }
    return (words.prefix(1) + capitalised).joined()
  }

  /// Returns the value in a lineage's settings.
  func value(in settings: LineageSettings) -> SettingValue? {
    get.map { $0(settings) } ?? settings.own[key]
  }

  /// Sets the value in a lineage's settings.
  func put(_ value: SettingValue?, into settings: inout LineageSettings) {
    if case .own = kind { settings.own[key] = value }
    set?(&settings, value)
  }
}
