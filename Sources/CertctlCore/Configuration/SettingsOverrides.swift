import ACME
import CertctlCrypto
import CertctlSystem

/// Settings by their entries in the table; what was not given is nil.
///
/// Those of the command line and those of `certctl.toml` are such.
@dynamicMemberLookup
package struct SettingsOverrides: Sendable, Equatable {
  private var values: [String: SettingValue] = [:]
  /// The user's own certificate request.
  package var csr: UserCSR?

  /// Nothing given.
  package init() {}

  /// The value of a setting; nil is "not given".
  package subscript<Value>(
    dynamicMember setting: KeyPath<SettingsTable, Setting<Value>>
  ) -> Value? {
    get {
      self[SettingsTable.shared[keyPath: setting].definition].flatMap(Value.init(settingValue:))
    }
    set { self[SettingsTable.shared[keyPath: setting].definition] = newValue?.settingValue }
  }

  /// The value of an entry, whatever its type is.
  package subscript(_ setting: SettingDefinition) -> SettingValue? {
    get { values[setting.key] }
    set { values[setting.key] = newValue }
  }

  /// Adds what was given elsewhere, and takes it over what is here.
  package mutating func add(_ others: SettingsOverrides) {
    values.merge(others.values) { $1 }
    csr = others.csr ?? csr
  }

  /// Who makes records in the DNS, and how they are checked.
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
