import ArgumentParser
import CertctlCore
import CertctlIssuing

/// A part of the settings table whose options form one section of the help.
protocol OptionSection: SendableMetatype {
  /// Its settings, in the order of the help.
  static var settings: [SettingDefinition] { get }
  /// Checks the combination of options.
  ///
  /// - Throws: `ValidationError`.
  static func validate(_ given: SettingsOverrides) throws
}

extension OptionSection {
  static func validate(_ given: SettingsOverrides) throws {}
}

/// The options of a part of the settings table.
///
/// The parser finds arguments through the mirror of an empty value, and provides their values under
/// the names in the mirror. The table supplies both the mirror's children and the decoded keys.
@dynamicMemberLookup
struct SettingOptions<Section: OptionSection>: ParsableArguments, CustomReflectable {
  /// The values from the command line.
  private var typed = SettingsOverrides()
  /// The lists that were both set and cleared.
  private var contradictions: [String] = []

  init() {}

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: SettingKey.self)
    for setting in Section.settings {
      typed[setting] = try setting.typed(in: container)
      guard try setting.isEmptied(in: container) else { continue }
      if typed[setting] != nil { contradictions.append(setting.key) }
      typed[setting] = .texts([])
    }
  }

  var customMirror: Mirror {
    Mirror(self, children: Section.settings.flatMap(\.arguments), displayStyle: .struct)
  }

  func validate() throws {
    for key in contradictions {
      throw ValidationError("--\(key) and --no-\(key) cannot be combined")
    }
    for setting in Section.settings { try typed[setting].map(setting.validate) }
    try Section.validate(typed)
  }

  /// The settings from the command line, with absolute paths.
  var given: SettingsOverrides {
    var given = typed
    for setting in Section.settings { given[setting] = typed[setting].map(setting.absolute) }
    return given
  }

  /// Returns the value of a setting; nil if the option is missing.
  subscript<Value>(dynamicMember setting: KeyPath<SettingsTable, Setting<Value>>) -> Value? {
    given[dynamicMember: setting]
  }
}

extension SettingDefinition {
  /// The arguments for the parser, each with the name that its value is decoded from.
  fileprivate var arguments: [Mirror.Child] {
    let names = NameSpecification(([key] + aliases).map { .customLong($0) })
    let help = ArgumentHelp(helpText, valueName: valueName)
    var arguments: [Mirror.Child] = []
    switch form {
    case .text, .path: arguments = [(key, Option<String?>(name: names, help: help))]
    case .word: arguments = [(key, type.wordOption(names, help))]
    case .texts, .paths:
      arguments = [(key, Option<[String]>(wrappedValue: [], name: names, help: help))]
    case .number: arguments = [(key, Option<Int?>(name: names, help: help))]
    case .yes: arguments = [(key, Flag<Bool>(wrappedValue: false, name: names, help: help))]
    case .yesOrNo:
      arguments = [(key, Flag<Bool?>(name: names, inversion: .prefixedNo, help: help))]
    // This setting has no option.
    case .table: break
    }
    if let noneHelp {
      let none = Flag<Bool>(
        wrappedValue: false, name: .customLong(noneKey), help: ArgumentHelp(noneHelp))
      arguments.append((noneKey, none))
    }
    return arguments
  }

  private var noneKey: String { "no-\(key)" }

  /// Returns the value from the command line; nil if the option is missing.
  fileprivate func typed(
    in container: KeyedDecodingContainer<SettingKey>
  ) throws -> SettingValue? {
    let name = SettingKey(stringValue: key)
    switch form {
    case .text, .path:
      return try container.decode(Option<String?>.self, forKey: name).wrappedValue.map { .text($0) }
    case .word: return try type.word(in: container, name).map { .text($0) }
    case .texts, .paths:
      let texts = try container.decode(Option<[String]>.self, forKey: name).wrappedValue
      return texts.isEmpty ? nil : .texts(texts)
    case .number:
      return try container.decode(Option<Int?>.self, forKey: name).wrappedValue.map { .number($0) }
    case .yes:
      return try container.decode(Flag<Bool>.self, forKey: name).wrappedValue ? .flag(true) : nil
    case .yesOrNo:
      return try container.decode(Flag<Bool?>.self, forKey: name).wrappedValue.map { .flag($0) }
    case .table: return nil
    }
  }

  /// Returns whether the option `--no-KEY` was used.
  fileprivate func isEmptied(in container: KeyedDecodingContainer<SettingKey>) throws -> Bool {
    guard noneHelp != nil else { return false }
    return try container.decode(Flag<Bool>.self, forKey: SettingKey(stringValue: noneKey))
      .wrappedValue
  }

  /// Checks a single value.
  ///
  /// - Throws: `ValidationError`.
  fileprivate func validate(_ value: SettingValue) throws {
    if case .number(let number) = value, case .number(let range, let unit) = form,
      !range.contains(number)
    {
      throw ValidationError("--\(key) requires \(unit.words(range))")
    }
    guard let emptyHint else { return }
    let isEmpty =
      switch value {
      case .text(let text): text.isEmpty
      case .texts(let texts): texts.contains("")
      case .number, .flag, .table: false
      }
    guard isEmpty else { return }
    throw ValidationError(
      "--\(key) is empty\nhint: \(emptyHint)" + (noneHelp == nil ? "" : ", or use --\(noneKey)"))
  }

  /// Returns the value with absolute paths and without duplicates.
  fileprivate func absolute(_ value: SettingValue) -> SettingValue {
    switch (form, value) {
    case (.path, .text(let path)): return .text(absolutePath(path))
    case (.paths, .texts(let paths)):
      var seen: Set<String> = []
      return .texts(paths.map(absolutePath).filter { seen.insert($0).inserted })
    default: return value
    }
  }
}

extension SettingForm.Unit {
  /// Returns the description of a range of numbers.
  fileprivate func words(_ range: ClosedRange<Int>) -> String {
    switch self {
    case .port: "a port from \(range.lowerBound) to \(range.upperBound)"
    case .number: "a number from \(range.lowerBound) to \(range.upperBound)"
    case .seconds: "\(range.lowerBound) to \(range.upperBound) seconds"
    }
  }
}

// MARK: - Words

/// A word that a setting accepts.
struct SettingWord<Value: SettingType>: ExpressibleByArgument {
  /// The word.
  let text: String

  init?(argument: String) {
    guard Self.allValueStrings.contains(argument) else { return nil }
    text = argument
  }

  static var allValueStrings: [String] { Value.words ?? [] }
  static var defaultCompletionKind: CompletionKind { .list(allValueStrings) }

  /// The value of the word.
  var value: Value? { Value(settingValue: .text(text)) }
}

extension SettingType {
  fileprivate static func wordOption(_ names: NameSpecification, _ help: ArgumentHelp) -> Any {
    Option<SettingWord<Self>?>(name: names, help: help)
  }

  fileprivate static func word(
    in container: KeyedDecodingContainer<SettingKey>, _ name: SettingKey
  ) throws -> String? {
    try container.decode(Option<SettingWord<Self>?>.self, forKey: name).wrappedValue?.text
  }
}
