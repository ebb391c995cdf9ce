import ArgumentParser
import CertctlCore

/// The options that name the CAs of a certificate.
typealias AuthorityListOptions = SettingOptions<AuthoritySection>
/// The options for registering an account.
typealias RegistrationOptions = SettingOptions<AccountSection>
/// The options for validating names.
typealias ValidationOptions = SettingOptions<ValidationSection>
/// The options that choose DNS servers.
typealias DNSServerOptions = SettingOptions<DNSServerSection>
/// The options for the certificate and its files.
typealias CertificateOptions = SettingOptions<CertificateSection>
/// The options for deploying a new certificate.
typealias DeploymentOptions = SettingOptions<DeploymentSection>
/// The options for the output of a renewal run.
typealias RenewalOptions = SettingOptions<RenewalSection>

enum AuthoritySection: OptionSection {
  static let settings = SettingsTable.all(in: .authority)
}

enum AccountSection: OptionSection {
  static let settings = SettingsTable.all(in: .account)

  static func validate(_ given: SettingsOverrides) throws {
    if (given.externalKeyID == nil) != (given.externalKeyFile == nil) {
      throw ValidationError(
        "--eab-kid and --eab-hmac-key-file require each other")
    }
  }
}

enum ValidationSection: OptionSection {
  static let settings = SettingsTable.all(in: .validation)

  static func validate(_ given: SettingsOverrides) throws {
    if given.webroot != nil && (given.httpPort != nil || given.httpAddress != nil) {
      throw ValidationError(
        "cannot combine --webroot with --http-port or --http-address"
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
  /// Creates the settings from all options of a command.
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
