import ArgumentParser
import CertctlCore

/// The options that name the CAs of a certificate.
typealias AuthorityListOptions = SettingOptions<AuthoritySection>
/// The options that matter when an account is registered.
typealias RegistrationOptions = SettingOptions<AccountSection>
/// How the names are proved.
typealias ValidationOptions = SettingOptions<ValidationSection>
/// Which DNS servers are asked.
typealias DNSServerOptions = SettingOptions<DNSServerSection>
/// What the certificate and its files are like.
typealias CertificateOptions = SettingOptions<CertificateSection>
/// What makes servers use a new certificate.
typealias DeploymentOptions = SettingOptions<DeploymentSection>
/// What a run of renewals leaves behind.
typealias RenewalOptions = SettingOptions<RenewalSection>

enum AuthoritySection: OptionSection {
  static let settings = SettingsTable.all(in: .authority)
}

enum AccountSection: OptionSection {
  static let settings = SettingsTable.all(in: .account)

  static func validate(_ given: SettingsOverrides) throws {
    if (given.externalKeyID == nil) != (given.externalKeyFile == nil) {
      throw ValidationError(
        "--eab-kid and --eab-hmac-key-file go together: one says who you are to the CA, the other "
          + "proves it")
    }
  }
}

enum ValidationSection: OptionSection {
  static let settings = SettingsTable.all(in: .validation)

  static func validate(_ given: SettingsOverrides) throws {
    if given.webroot != nil && (given.httpPort != nil || given.httpAddress != nil) {
      throw ValidationError(
        "--webroot and a listener of certctl's own (--http-port, --http-address) exclude each other"
      )
    }
  }
}

enum DNSServerSection: OptionSection {
  static let settings = [
    SettingsTable.shared.dnsResolver.definition, SettingsTable.shared.dnsPort.definition,
  ]
}

enum CertificateSection: OptionSection {
  static let settings = SettingsTable.all(in: .certificate)
}

enum DeploymentSection: OptionSection {
  static let settings = SettingsTable.all(in: .deployment)
}

enum RenewalSection: OptionSection {
  static let settings = SettingsTable.all(in: .renewal)
}

extension SettingsOverrides {
  /// What the options of a command say of its certificate.
  init(
    _ authority: AuthorityListOptions, _ validation: ValidationOptions,
    _ certificate: CertificateOptions, _ deployment: DeploymentOptions
  ) throws {
    self.init()
    for part in [authority.given, validation.given, certificate.given, deployment.given] {
      add(part)
    }
    csr = try self.requestFile.map(readRequest)
  }
}
