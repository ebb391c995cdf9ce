import ACME
import CertctlCrypto
import CertctlSystem

/// Settings from the command line or from `certctl.toml`; nil where not set.
@dynamicMemberLookup
package struct SettingsOverrides: Sendable, Equatable {
  private var values: [String: SettingValue] = [:]
  /// The user's CSR.
  package var csr: UserCSR?

  /// Creates empty overrides.
  package init() {}

  /// The value of a setting; nil if it is not set.
  package subscript<Value>(
    dynamicMember setting: KeyPath<SettingsTable, Setting<Value>>
  ) -> Value? {
    get {
      self[SettingsTable.shared[keyPath: setting].definition].flatMap(Value.init(settingValue:))
    }
    set { self[SettingsTable.shared[keyPath: setting].definition] = newValue?.settingValue }
  }

  /// The value of an entry of any type.
  package subscript(_ setting: SettingDefinition) -> SettingValue? {
    get { values[setting.key] }
    set { values[setting.key] = newValue }
  }

  /// Merges other overrides, which take precedence.
  package mutating func add(_ others: SettingsOverrides) {
    values.merge(others.values) { $1 }
    csr = others.csr ?? csr
  }

  /// The DNS provider and the check of its records.
  package var dns: DNSSettings {
    get {
      DNSSettings(
        provider: self.dnsProvider, resolver: self.dnsResolver, port: self.dnsPort,
        timeLimit: self.dnsTimeout, check: self.dnsCheck)
    }
    set {
      self.dnsProvider = newValue.provider
      self.dnsResolver = newValue.resolver
      self.dnsPort = newValue.port
      self.dnsTimeout = newValue.timeLimit
      self.dnsCheck = newValue.check
    }
  }
}
