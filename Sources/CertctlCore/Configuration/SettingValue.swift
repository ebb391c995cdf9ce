package import ACME
package import CertctlCrypto
import CertctlSystem

/// The value of a setting on the command line, in `certctl.toml` or in a lineage's file.
package enum SettingValue: Sendable, Hashable {
  /// A text.
  case text(String)
  /// A list of texts.
  case texts([String])
  /// A number.
  case number(Int)
  /// A flag.
  case flag(Bool)
  /// Texts by name.
  case table([String: String])

  /// The text; nil for other kinds of values.
  var text: String? {
    guard case .text(let text) = self else { return nil }
    return text
  }
}

/// A type for the value of a setting.
package protocol SettingType: Sendable {
  /// The allowed words; nil for any text.
  static var words: [String]? { get }
  /// Creates the typed value; nil for a value that is invalid for the type.
  init?(settingValue: SettingValue)
  /// The value in its written form.
  var settingValue: SettingValue { get }
}

extension SettingType {
  /// Any text.
  package static var words: [String]? { nil }
}

extension SettingType where Self: RawRepresentable, RawValue == String {
  /// Creates the value from its word.
  package init?(settingValue: SettingValue) {
    guard case .text(let text) = settingValue else { return nil }
    self.init(rawValue: text)
  }

  /// The word.
  package var settingValue: SettingValue { .text(rawValue) }
}

extension String: SettingType {
  /// Creates a text.
  package init?(settingValue: SettingValue) {
    guard case .text(let text) = settingValue else { return nil }
    self = text
  }

  /// The text.
  package var settingValue: SettingValue { .text(self) }
}

extension [String]: SettingType {
  /// Creates a list.
  package init?(settingValue: SettingValue) {
    guard case .texts(let texts) = settingValue else { return nil }
    self = texts
  }

  /// The list.
  package var settingValue: SettingValue { .texts(self) }
}

extension Int: SettingType {
  /// Creates a number.
  package init?(settingValue: SettingValue) {
    guard case .number(let number) = settingValue else { return nil }
    self = number
  }

  /// The number.
  package var settingValue: SettingValue { .number(self) }
}

extension Bool: SettingType {
  /// Creates a flag.
  package init?(settingValue: SettingValue) {
    guard case .flag(let flag) = settingValue else { return nil }
    self = flag
  }

  /// The flag.
  package var settingValue: SettingValue { .flag(self) }
}

extension [String: String]: SettingType {
  /// Creates a table.
  package init?(settingValue: SettingValue) {
    guard case .table(let table) = settingValue else { return nil }
    self = table
  }

  /// The table.
  package var settingValue: SettingValue { .table(self) }
}

extension ChallengeType: SettingType {}

extension KeyType: SettingType {
  /// The key types that CAs accept.
  package static var words: [String]? { allCases.filter { $0 != .ed25519 }.map(\.rawValue) }
}

extension DNSSettings.Check: SettingType {
  /// The names of the checks.
  package static var words: [String]? { allCases.map(\.rawValue) }
}
