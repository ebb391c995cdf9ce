package import ACME
package import CertctlCrypto
import CertctlSystem

/// The table of settings, in the order of the help.
///
/// To add a setting, add a `let` here. It becomes an option in its section, a key in
/// `certctl.toml`, a key in a lineage's file and a row on the reference page. `settings.name` reads
/// it.
package struct SettingsTable: Sendable {
  // MARK: - Certificate authority

  /// The CAs in order of preference: preset names or directory URLs.
  package let authorities = Setting(
    "ca", .texts, in: .authority, kept: .own("authorities"), fallback: ["letsencrypt"],
    change: { _ in "the CA changed" },
    check: { for name in $0 { _ = try CertificateAuthority.named(name) } },
    help: "CA: letsencrypt, letsencrypt-staging, google, zerossl, sslcom, actalis, or a directory "
      + "URL. Repeat to add fallback CAs. Default: letsencrypt.")

  /// A PEM file of trusted certificates for the CA's HTTPS server.
  package let caBundle = Setting(
    "ca-bundle", .path, in: .authority, valueName: "file",
    help: "PEM file of trusted certificates for the CA's HTTPS server. Default: the system's store."
  )

  // MARK: - Account

  /// The contact e-mail addresses for new accounts.
  package let emails = Setting(
    "email", .texts, in: .account, valueName: "address", kept: .nowhere,
    help: "Contact address for a new account. Optional; may be repeated.")

  /// Whether the user agrees to the terms of service of every CA.
  package let agreesToTerms = Setting(
    "agree-tos", .yes, in: .account, kept: .nowhere, help: "Agree to the CA's terms of service.")

  /// The key identifier for external account binding.
  package let externalKeyID = Setting(
    "eab-kid", .text, in: .account, valueName: "id", kept: .nowhere,
    help: "Key identifier for external account binding, from the CA's website.")

  /// The reference to the HMAC key for external account binding.
  package let externalKeyFile = Setting(
    "eab-hmac-key-file", .text, in: .account, valueName: "file", kept: .nowhere,
    check: { _ = try SecretReference($0) },
    help: "File with the HMAC key for --eab-kid, in base64url or base64.")

  // MARK: - Validation

  /// The challenge type.
  package let challenge = Setting<ChallengeType>(
    "challenge", .openWord, in: .validation, valueName: "type", kept: .within(\.challengeType),
    help: "Challenge type: {types}. The option applies to all names. A type that is saved or set "
      + "in certctl.toml applies only to names it can validate. "
      + "Default: {type with dns} with --dns, otherwise {usual type}.")

  /// The DNS provider's name, with its argument after a colon.
  package let dnsProvider = Setting(
    "dns", .text, in: .validation, valueName: "provider", kept: .within(\.dns.provider),
    empty: "specify a provider",
    help: "DNS provider for {types of dns}. List the providers with: certctl dns-providers.")

  /// The resolver's address, with an optional port.
  package let dnsResolver = Setting(
    "dns-resolver", .text, in: .validation, valueName: "address", kept: .within(\.dns.resolver),
    help: "Resolver address, with an optional port. Default: this host's resolvers.")

  /// The port of the zones' name servers.
  package let dnsPort = Setting(
    "dns-port", .port, in: .validation, valueName: "port", kept: .within(\.dns.port),
    help: "Port of the zones' name servers. Default: 53.")

  /// The maximum time for records to reach the name servers, in seconds.
  package let dnsTimeout = Setting(
    "dns-timeout", .seconds(1...86400), in: .validation, valueName: "seconds",
    kept: .within(\.dns.timeLimit),
    help: "Maximum time for records to reach all name servers. Default: the provider's.")

  /// The servers to check for new records.
  package let dnsCheck = Setting<DNSSettings.Check>(
    "dns-check", .word, in: .validation, valueName: "where", kept: .within(\.dns.check),
    help: "Check the records before validation at the zone's name servers (servers), at the "
      + "resolver, or not at all (none). Default: servers.")

  /// The directory that a web server serves as the root of the sites.
  package let webroot = Setting(
    "webroot", .path, in: .validation, valueName: "dir", kept: .within(\.challenge.webroot),
    empty: "specify a directory",
    help: "Directory that a web server serves as / for these names; certctl writes "
      + "{types of webroot} files there.")

  /// The port of the built-in http-01 listener.
  package let httpPort = Setting(
    "http-port", .port, in: .validation, valueName: "port", kept: .within(\.challenge.httpPort),
    help: "Port of the built-in {types of http-port} listener. Default: 80.")

  /// The address of the built-in listeners.
  package let httpAddress = Setting(
    "http-address", .text, in: .validation, valueName: "address",
    kept: .within(\.challenge.httpAddress), check: { try ChallengeSettings.checkAddress($0) },
    help: "Address of the built-in listeners. Default: all.")

  /// The port of the built-in tls-alpn-01 listener.
  package let tlsPort = Setting(
    "tls-port", .port, in: .validation, valueName: "port", kept: .within(\.challenge.tlsPort),
    help: "Port of the built-in {types of tls-port} listener. Default: 443.")

  // MARK: - Certificate

  /// The type of the certificate's key.
  package let keyType = Setting<KeyType>(
    "key-type", .word, in: .certificate, valueName: "type", fallback: .ec256,
    change: { "the key type changed to \($0?.text ?? "")" },
    help: "Key type. Default: ec256.")

  /// Whether to get both an ECDSA and an RSA certificate; `keyType` sets the type of one of them.
  package let dual = Setting(
    "dual", .yesOrNo, in: .certificate, kept: .following(\.rsaKeyType),
    change: {
      $0.map { "an additional RSA certificate is requested (\($0.text ?? ""))" }
        ?? "the additional RSA certificate is no longer requested"
    },
    help: "Get both an ECDSA and an RSA certificate. An RSA --key-type applies to the RSA "
      + "certificate, any other to the ECDSA certificate.")

  /// Whether renewals keep the key.
  package let reuseKey = Setting(
    "reuse-key", .yesOrNo, in: .certificate, fallback: false, help: "Keep the key when renewing.")

  /// Whether to leave out names that cannot be validated.
  package let allowPartial = Setting(
    "allow-partial", .yesOrNo, in: .certificate,
    help: "Leave out names that cannot be validated, and retry them at renewals.")

  /// The file with the user's CSR.
  package let requestFile = Setting(
    "csr", .path, in: .certificate, valueName: "file", kept: .following(\.csr), isInFile: false,
    change: { _ in "the CSR changed" },
    help: "CSR file (PEM or DER) for a key that you keep; certctl uses its names.")

  /// The certificate profile to request (draft-ietf-acme-profiles).
  package let profile = Setting(
    "profile", .text, in: .certificate, change: { _ in "the profile changed" },
    help: "Certificate profile, such as shortlived. Default: the CA's.")

  /// The issuer CN of the preferred chain's last certificate.
  package let preferredChain = Setting(
    "preferred-chain", .text, in: .certificate, valueName: "cn",
    change: { _ in "the preferred chain changed" },
    help: "Prefer the chain whose topmost certificate was issued by this CN.")

  /// The owner's name.
  package let owner = Setting(
    "owner", .text, in: .certificate, valueName: "user", kept: .at(\.files.owner),
    help: "Owner of the certificate's files.")

  /// The group's name.
  package let group = Setting(
    "group", .text, in: .certificate, valueName: "group", kept: .at(\.files.group),
    help: "Group of the certificate's files.")

  /// The key's mode in octal digits.
  package let keyMode = Setting(
    "key-mode", .text, in: .certificate, aliases: ["mode"], valueName: "octal",
    kept: .at(\.files.keyMode), help: "Mode of the key file. Default: 0600.")

  /// The number of generations to keep on disk, including the one in use.
  package let keepGenerations = Setting(
    "keep-generations", .number(1...1000), in: .certificate, aliases: ["keep-versions"],
    valueName: "count",
    help: "Number of versions to keep on disk, 1 to 1000. Default: 5.")

  // MARK: - Deployment

  /// The lineage's deploy hooks: absolute paths, which replace all saved ones; empty for none.
  package let hooks = Setting(
    "hook", .paths, in: .deployment, valueName: "path", kept: .own("hooks"),
    none: "Remove the certificate's hooks.", empty: "specify a program",
    help:
      "Program to run after each new certificate, without a shell or arguments. May be repeated; "
      + "replaces previously saved hooks.")

  // MARK: - Renewal and host

  /// The file for the Prometheus metrics of `renew`.
  package let metricsFile = Setting(
    "metrics-file", .path, in: .renewal, valueName: "file", kept: .nowhere,
    help: "File for Prometheus metrics, for node_exporter's textfile collector.")

  /// The settings of DNS providers by variable name, in the form of `DNSSettings.references`.
  package let dnsCredentials = Setting(
    "dns-credentials", .table(of: "variable names and values"), in: .host, kept: .nowhere,
    help:
      "Settings of DNS providers by variable: the value or, for a secret, the absolute path of a "
      + "file or credential:NAME.")

  /// The containers whose nginx uses certctl's certificates, in addition to those of sites.
  package let nginxContainers = Setting(
    "nginx-container", .texts, in: .host, kept: .nowhere,
    check: {
      guard $0.allSatisfy(ContainerName.isValid) else {
        throw WrongSetting(expected: "a container name")
      }
    },
    help: "Containers whose nginx uses the certificates, in addition to those of sites.")

  // MARK: - All settings

  /// The table.
  package static let shared = SettingsTable()

  /// All entries in their order.
  ///
  /// They come from the table itself, so that a list cannot omit one.
  package static let all: [SettingDefinition] = Mirror(reflecting: shared).children.compactMap {
    ($0.value as? any SettingEntry)?.definition
  }

  /// Returns the entries of a section.
  package static func all(in section: SettingSection) -> [SettingDefinition] {
    all.filter { $0.section == section }
  }

  /// The entries by their keys.
  package static let byKey = Dictionary(uniqueKeysWithValues: all.map { ($0.key, $0) })
}

private protocol SettingEntry {
  var definition: SettingDefinition { get }
}

extension Setting: SettingEntry {}

/// An invalid value in `certctl.toml`.
package struct WrongSetting: Error {
  /// The expected value, as in "must be …".
  package let expected: String

  package init(expected: String) { self.expected = expected }
}
