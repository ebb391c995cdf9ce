import ACME
import CertctlCrypto

// The groups come first, then the settings in the order of their table, which has their keys.
extension LineageSettings {
  /// Decodes the settings from a lineage's file.
  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: SettingKey.self)
    names = try container.decode([Identifier].self, forKey: "names")
    challenge = try container.decode(ChallengeSettings.self, forKey: "challenge")
    rsaKeyType = try container.decodeIfPresent(KeyType.self, forKey: "rsaKeyType")
    csr = try container.decodeIfPresent(String.self, forKey: "csr")
    files = try container.decode(FileSettings.self, forKey: "files")
    for setting in SettingsTable.all {
      guard let key = setting.keptName.map(SettingKey.init(stringValue:)) else { continue }
      // A setting with a fallback is always in the file.
      if setting.fallback == nil {
        guard try container.contains(key) && !container.decodeNil(forKey: key) else { continue }
      }
      own[setting.key] = try setting.read(container, key)
    }
  }

  /// Encodes the settings for a lineage's file.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: SettingKey.self)
    try container.encode(names, forKey: "names")
    try container.encode(challenge, forKey: "challenge")
    try container.encodeIfPresent(rsaKeyType, forKey: "rsaKeyType")
    try container.encodeIfPresent(csr, forKey: "csr")
    try container.encode(files, forKey: "files")
    for setting in SettingsTable.all {
      guard let name = setting.keptName, let value = own[setting.key] else { continue }
      try container.encode(value, forKey: SettingKey(stringValue: name))
    }
  }
}

extension SettingDefinition {
  /// Decodes the setting's value from a lineage's file.
  fileprivate func read(
    _ container: KeyedDecodingContainer<SettingKey>, _ key: SettingKey
  ) throws -> SettingValue {
    let value: SettingValue =
      switch form {
      case .text, .path, .word: .text(try container.decode(String.self, forKey: key))
      case .texts, .paths: .texts(try container.decode([String].self, forKey: key))
      case .yes, .yesOrNo: .flag(try container.decode(Bool.self, forKey: key))
      case .number: .number(try container.decode(Int.self, forKey: key))
      case .table: .table(try container.decode([String: String].self, forKey: key))
      }
    guard type.init(settingValue: value) != nil else {
      throw DecodingError.dataCorruptedError(
        forKey: key, in: container, debugDescription: "invalid value '\(value.text ?? "")'")
    }
    return value
  }
}

extension SettingValue: Encodable {
  /// Encodes the plain value.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .text(let text): try container.encode(text)
    case .texts(let texts): try container.encode(texts)
    case .number(let number): try container.encode(number)
    case .flag(let flag): try container.encode(flag)
    case .table(let table): try container.encode(table)
    }
  }
}

/// The key of a setting in a lineage's file or in a command's arguments.
package struct SettingKey: CodingKey, ExpressibleByStringLiteral {
  package let stringValue: String
  package var intValue: Int? { nil }

  package init(stringValue: String) { self.stringValue = stringValue }
  package init?(intValue: Int) { nil }
  package init(stringLiteral value: String) { stringValue = value }
}
