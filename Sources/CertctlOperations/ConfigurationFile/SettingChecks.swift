import ACME
import CertctlCore
import CertctlDNS
import CertctlIssuing
import CertctlSystem

extension SettingDefinition {
  /// Returns a value of the file after all checks of the setting, here and in its table entry.
  ///
  /// - Throws: `WrongSetting` or `CertctlError` for an invalid value.
  func checked(_ value: SettingValue) throws -> SettingValue {
    let value = try check(value)
    return try Self.further[key]?(value) ?? value
  }

  /// The checks that need accounts, challenges or DNS providers, which the table cannot use.
  private static let further: [String: @Sendable (SettingValue) throws -> SettingValue] = [
    SettingsTable.shared.emails.key: checking([String].self) {
      _ = try Registration(emails: $0).contacts()
    },
    SettingsTable.shared.challenge.key: checking(ChallengeType.self) {
      guard Catalog.solverTypes.contains($0.rawValue) else {
        throw WrongSetting(expected: "one of: \(Catalog.solverTypes.joined(separator: ", "))")
      }
    },
    SettingsTable.shared.dnsProvider.key: checking(String.self) {
      try DNSSettings(provider: $0).validate()
    },
    SettingsTable.shared.dnsResolver.key: checking(String.self) {
      try DNSSettings(resolver: $0).validate()
    },
    SettingsTable.shared.dnsCredentials.key: checking([String: String].self) { references in
      for (name, text) in references.sorted(by: { $0.key < $1.key }) {
        do {
          references[name] = try DNSProviderCatalog.reference(name, text)
        } catch let error as CertctlError where error.code == .configuration {
          throw CertctlError(
            .configuration, "\(name): \(error.message)", hint: error.hint)
        }
      }
    },
  ]

  /// Returns a check for values of one type, which may normalize them.
  private static func checking<Value: SettingType>(
    _ type: Value.Type, _ body: @escaping @Sendable (inout Value) throws -> Void
  ) -> @Sendable (SettingValue) throws -> SettingValue {
    { value in
      guard var typed = Value(settingValue: value) else { return value }
      try body(&typed)
      return typed.settingValue
    }
  }
}

extension Setting {
  /// The key in `certctl.toml`.
  fileprivate var key: String { definition.key }
}
