package import ACME
package import CertctlCrypto
import CertctlSystem

/// The settings: one entry each, in the order of the help.
///
/// A new setting is one more `let` here. It is then an option of its section, a key of `certctl.toml`,
/// a key in a lineage's file and a row of the reference page; `settings.name` reads it.
package struct SettingsTable: Sendable {
  // MARK: - Certificate authority

  /// The CAs in order of preference: preset names or directory URLs.
  package let authorities = Setting(
    "ca", .texts, in: .authority, kept: .own("authorities"), fallback: ["letsencrypt"],
    change: { _ in "another CA is wanted" },
    check: { for name in $0 { _ = try CertificateAuthority.named(name) } },
    help: "The CA: letsencrypt, letsencrypt-staging, google, zerossl, sslcom, actalis, or a "
      + "directory URL. Repeated: spare CAs, for when those before are out of order. "
      + "Default: letsencrypt.")

  /// A PEM file that the CA's HTTPS certificate must chain to, instead of the system's store.
  package let caBundle = Setting(
    "ca-bundle", .path, in: .authority, valueName: "file",
    help: "PEM file that the CA's HTTPS certificate must chain to, instead of the system's store.")

  // MARK: - Account

  /// The contact e-mail addresses for new accounts.
  package let emails = Setting(
    "email", .texts, in: .account, valueName: "address", kept: .nowhere,
    help: "Contact for a new account; may be left out or repeated.")

  /// Whether the terms of service of every CA are agreed to.
  package let agreesToTerms = Setting(
    "agree-tos", .yes, in: .account, kept: .nowhere, help: "Agree to the CA's terms of service.")

  /// The key identifier of the account at the site of a CA that needs one.
  package let externalKeyID = Setting(
    "eab-kid", .text, in: .account, valueName: "id", kept: .nowhere,
    help: "Key identifier of the account at the CA's own site.")

  /// Where the HMAC key that belongs to it lies.
  package let externalKeyFile = Setting(
    "eab-hmac-key-file", .text, in: .account, valueName: "file", kept: .nowhere,
    check: { _ = try SecretReference($0) },
    help: "File with the base64url HMAC key that belongs to --eab-kid.")

  // MARK: - Validation

  /// The challenge type.
  package let challenge = Setting<ChallengeType>(
    "challenge", .openWord, in: .validation, valueName: "type", kept: .within(\.challengeType),
    help:
      "{types}. Default: {type with dns} with --dns, else {usual type}; names that it cannot prove "
      + "are proved otherwise.")

  /// The DNS provider's word, and what it takes after a colon.
  package let dnsProvider = Setting(
    "dns", .text, in: .validation, valueName: "provider", kept: .within(\.dns.provider),
    empty: "give the name of a provider",
    help: "Who makes the records for {types of dns}: certctl dns-providers lists them.")

  /// The resolver, as an address with or without a port.
  package let dnsResolver = Setting(
    "dns-resolver", .text, in: .validation, valueName: "address", kept: .within(\.dns.resolver),
    help: "Resolver to ask, with or without a port. Default: those of this host.")

  /// The port of the zones' own servers.
  package let dnsPort = Setting(
    "dns-port", .port, in: .validation, valueName: "port", kept: .within(\.dns.port),
    help: "Port of the zones' own name servers. Default: 53.")

  /// How long servers may take to have a record, in seconds.
  package let dnsTimeout = Setting(
    "dns-timeout", .seconds(1...86400), in: .validation, valueName: "seconds",
    kept: .within(\.dns.timeLimit),
    help: "How long name servers may take to have the records. Default: the provider's.")

  /// Where records are looked for.
  package let dnsCheck = Setting<DNSSettings.Check>(
    "dns-check", .word, in: .validation, valueName: "where", kept: .within(\.dns.check),
    help: "Where records are looked for before the CA is told to look: servers, resolver, or none. "
      + "Default: servers.")

  /// The folder that a web server shows as the root of the sites.
  package let webroot = Setting(
    "webroot", .path, in: .validation, valueName: "dir", kept: .within(\.challenge.webroot),
    empty: "give the folder's path",
    help: "For {types of webroot} through a web server: the folder that it shows as / for these "
      + "names.")

  /// The stand-alone http-01 port.
  package let httpPort = Setting(
    "http-port", .port, in: .validation, valueName: "port", kept: .within(\.challenge.httpPort),
    help: "Port of certctl's own {types of http-port} listener. Default: 80.")

  /// The address that stand-alone responders bind.
  package let httpAddress = Setting(
    "http-address", .text, in: .validation, valueName: "address",
    kept: .within(\.challenge.httpAddress), check: { try ChallengeSettings.checkAddress($0) },
    help: "Address that certctl's own listeners bind. Default: all.")

  /// The tls-alpn-01 port.
  package let tlsPort = Setting(
    "tls-port", .port, in: .validation, valueName: "port", kept: .within(\.challenge.tlsPort),
    help: "Port of certctl's own {types of tls-port} listener. Default: 443.")

  // MARK: - Certificate

  /// The type of the certificate's key.
  package let keyType = Setting<KeyType>(
    "key-type", .word, in: .certificate, valueName: "type", fallback: .ec256,
    change: { "another key type is wanted: \($0?.text ?? "")" },
    help: "The key's type. Default: ec256.")

  /// Whether there is an RSA certificate beside an ECDSA one; `keyType` is that of either.
  package let dual = Setting(
    "dual", .yesOrNo, in: .certificate, kept: .following(\.rsaKeyType),
    change: {
      $0.map { "an RSA certificate beside it is wanted: \($0.text ?? "")" }
        ?? "no RSA certificate beside it is wanted any more"
    },
    help: "An RSA certificate beside an ECDSA one; --key-type says which of its kind.")

  /// Whether renewals keep the key.
  package let reuseKey = Setting(
    "reuse-key", .yesOrNo, in: .certificate, fallback: false, help: "Keep the key at renewals.")

  /// Whether names that cannot be proved may be left out.
  package let allowPartial = Setting(
    "allow-partial", .yesOrNo, in: .certificate,
    help: "Leave out names that cannot be proved, and try them again at renewals.")

  /// The file of the user's own certificate request.
  package let requestFile = Setting(
    "csr", .path, in: .certificate, valueName: "file", kept: .following(\.csr), isInFile: false,
    change: { _ in "another certificate request is given" },
    help: "A certificate request of your own, PEM or DER: its names, its key, which stays yours.")

  /// The certificate profile to ask the CA for (draft-ietf-acme-profiles).
  package let profile = Setting(
    "profile", .text, in: .certificate, change: { _ in "another profile is wanted" },
    help: "The certificate profile to ask the CA for, such as shortlived.")

  /// The issuer CN of the last certificate of the chain to choose among alternates.
  package let preferredChain = Setting(
    "preferred-chain", .text, in: .certificate, valueName: "cn",
    change: { _ in "another chain is wanted" },
    help: "Of the chains that the CA offers, the one whose last certificate was issued by this "
      + "common name.")

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

  /// How many generations stay on disk, the one in use included.
  package let keepGenerations = Setting(
    "keep-generations", .number(1...1000), in: .certificate, valueName: "count",
    help: "How many generations stay on disk, 1 to 1000. Default: 5.")

  // MARK: - Deployment

  /// The lineage's own deploy hooks: absolute paths, in place of all that it had; empty for none.
  package let hooks = Setting(
    "hook", .paths, in: .deployment, valueName: "path", kept: .own("hooks"),
    none: "Run no programs for this certificate any more.", empty: "give a program's path",
    help:
      "Program to run after each new certificate, without a shell or arguments; may be repeated, "
      + "and replaces those of before.")

  // MARK: - Renewal and host

  /// Where `renew` writes its metrics for Prometheus.
  package let metricsFile = Setting(
    "metrics-file", .path, in: .renewal, valueName: "file", kept: .nowhere,
    help: "Where figures for Prometheus are written, for node_exporter's textfile collector.")

  /// Where settings of DNS providers lie, by the names of their variables, as `DNSSettings` has them.
  package let dnsCredentials = Setting(
    "dns-credentials", .table(of: "variables and where they lie"), in: .host, kept: .nowhere,
    help:
      "Settings of DNS providers: for each variable the value, or for a secret the absolute path "
      + "of a file or credential:NAME.")

  /// Containers whose nginx uses certctl's certificates, in addition to those of sites.
  package let nginxContainers = Setting(
    "nginx-container", .texts, in: .host, kept: .nowhere,
    check: {
      guard $0.allSatisfy(ContainerName.isValid) else {
        throw WrongSetting(expected: "the name of a container")
      }
    },
    help: "Containers with an nginx that uses the certificates, besides those of sites.")

  // MARK: - All of them

  /// The table.
  package static let shared = SettingsTable()

  /// All entries, in their order.
  ///
  /// They are read off the table itself, so that none can be forgotten in a list.
  package static let all: [SettingDefinition] = Mirror(reflecting: shared).children.compactMap {
    ($0.value as? any SettingEntry)?.definition
  }

  /// The entries of a section.
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

/// What a value of `certctl.toml` must be, and is not.
package struct WrongSetting: Error {
  package let expected: String

  package init(expected: String) { self.expected = expected }
}
