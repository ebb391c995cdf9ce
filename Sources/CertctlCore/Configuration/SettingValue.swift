package import ACME
package import CertctlCrypto
import CertctlSystem

/// The value of a setting, as the command line, `certctl.toml` and a lineage's file write it.
package enum SettingValue: Sendable, Hashable {
  /// A text.
  case text(String)
  /// A list of texts.
  case texts([String])
  /// A number.
  case number(Int)
  /// Yes or no.
  case flag(Bool)
  /// Texts by names.
  case table([String: String])

  /// The text; nil for another kind of value.
  var text: String? {
    guard case .text(let text) = self else { return nil }
    return text
  }
}

/// A type that a setting can have.
package protocol SettingType: Sendable {
  /// The words that a person can give; nil for any text.
  static var words: [String]? { get }
  /// Reads the value of a setting; nil for a value that means nothing in this type.
  init?(settingValue: SettingValue)
  /// The value as it is written.
  var settingValue: SettingValue { get }
}

extension SettingType {
  /// Any text.
  package static var words: [String]? { nil }
}

extension SettingType where Self: RawRepresentable, RawValue == String {
  /// Reads the word.
  package init?(settingValue: SettingValue) {
    guard case .text(let text) = settingValue else { return nil }
    self.init(rawValue: text)
  }

  /// The word.
  package var settingValue: SettingValue { .text(rawValue) }
}

extension String: SettingType {
  /// Reads a text.
  package init?(settingValue: SettingValue) {
    guard case .text(let text) = settingValue else { return nil }
    self = text
  }

  /// The text.
  package var settingValue: SettingValue { .text(self) }
}

extension [String]: SettingType {
  /// Reads a list.
  package init?(settingValue: SettingValue) {
    guard case .texts(let texts) = settingValue else { return nil }
    self = texts
  }

  /// The list.
  package var settingValue: SettingValue { .texts(self) }
}

extension Int: SettingType {
  /// Reads a number.
  package init?(settingValue: SettingValue) {
    guard case .number(let number) = settingValue else { return nil }
    self = number
  }

  /// The number.
  package var settingValue: SettingValue { .number(self) }
}

extension Bool: SettingType {
  /// Reads yes or no.
  package init?(settingValue: SettingValue) {
    guard case .flag(let flag) = settingValue else { return nil }
    self = flag
  }

  /// Yes or no.
  package var settingValue: SettingValue { .flag(self) }
}

extension [String: String]: SettingType {
  /// Reads a table.
  package init?(settingValue: SettingValue) {
    guard case .table(let table) = settingValue else { return nil }
    self = table
  }

  /// The table.
  package var settingValue: SettingValue { .table(self) }
}

extension ChallengeType: SettingType {}

extension KeyType: SettingType {
  /// The types that CAs certify.
  package static var words: [String]? { allCases.filter { $0 != .ed25519 }.map(\.rawValue) }
}

extension DNSSettings.Check: SettingType {
  /// The places where records are looked for.
  package static var words: [String]? { allCases.map(\.rawValue) }
}
