public import ACME
import HostIO
import PKI

/// What a user asks of one `issue`: names, and what differs from what is already known.
public struct IssueRequest: Sendable {
  /// The names to certify.
  public var names: [Identifier]
  /// The lineage's name, when it is not that of the first name.
  public var lineage: LineageName?
  /// What was given with the command; the rest comes from the lineage, the configuration file and
  /// the defaults, in this order.
  public var overrides: SettingsOverrides
  /// How to register an account, should there be none.
  public var registration: Registration
  /// Issue although nothing is due, or take names away.
  public var force: Bool
  /// Validate and stop: no certificate, no lineage.
  public var dryRun: Bool

  /// A request for a certificate.
  public init(
    names: [Identifier], lineage: LineageName? = nil, overrides: SettingsOverrides = .init(),
    registration: Registration = .init(), force: Bool = false, dryRun: Bool = false
  ) {
    self.names = names
    self.lineage = lineage
    self.overrides = overrides
    self.registration = registration
    self.force = force
    self.dryRun = dryRun
  }
}

/// How to register an account with a CA.
public struct Registration: Sendable {
  /// Where the agreement to the CA's terms of service comes from.
  public enum Terms: Sendable {
    /// It was given already.
    case agreed
    /// Nobody can be asked.
    case notAgreed
    /// The user is asked, with the URL of the terms.
    case ask(@Sendable (String) async -> Bool)
  }

  /// The contact e-mail addresses; none is fine with most CAs.
  public var emails: [String]
  /// The agreement to the terms of service.
  public var terms: Terms
  /// The account at the CA's own site to bind to (RFC 8555, section 7.3.4).
  public var externalAccount: ExternalAccount?
  /// The one of the configuration file, read when a CA that needs one is registered with.
  var configuredAccount: (@Sendable () async throws -> ExternalAccount)?

  /// A registration without contact or agreement.
  public init(
    emails: [String] = [], terms: Terms = .notAgreed, externalAccount: ExternalAccount? = nil
  ) {
    self.emails = emails
    self.terms = terms
    self.externalAccount = externalAccount
  }

  /// The contact URLs (RFC 6068) for the CA.
  ///
  /// - Throws: `CertctlError` with code `usage` for what is no e-mail address.
  func contacts() throws -> [String] {
    try emails.map { email in
      let parts = email.split(separator: "@", omittingEmptySubsequences: false)
      let isPlain = email.unicodeScalars.allSatisfy {
        $0.isASCII && $0.value > 0x20 && !"\"<>(),;:\\?&%#".unicodeScalars.contains($0)
      }
      guard parts.count == 2, !parts[0].isEmpty, parts[1].contains("."), isPlain,
        (try? Identifier(parsing: String(parts[1])))?.type == .dns
      else {
        throw CertctlError(
          .usage, "'\(escapedForTerminal(email))' is not an e-mail address",
          hint: "give --email like admin@example.com, or leave it out")
      }
      return "mailto:\(email)"
    }
  }
}

/// Settings by their entries in the table; what was not given is nil.
///
/// Those of the command line and those of `certctl.toml` are such.
@dynamicMemberLookup
public struct SettingsOverrides: Sendable, Equatable {
  private var values: [String: SettingValue] = [:]
  /// The user's own certificate request.
  public var csr: GivenRequest?

  /// Nothing given.
  public init() {}

  /// The value of a setting; nil is "not given".
  public subscript<Value>(
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
  public var dns: DNSSettings {
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

  /// The overrides over a lineage's own settings over the defaults.
  func resolved(
    names: [Identifier], lineage: LineageSettings?, defaults: SettingsOverrides
  ) -> LineageSettings {
    var settings = LineageSettings(names: names, authorities: [])
    for setting in SettingsTable.all where setting.isMergedAlone {
      // An empty list is an answer, too: it is kept, or that of the file would come back.
      settings[setting] =
        self[setting] ?? lineage?[setting] ?? defaults[setting] ?? setting.fallback
    }
    settings.challenge = resolvedChallenge(lineage: lineage?.challenge, defaults: defaults)
    let keyTypes = resolvedKeyTypes(lineage: lineage, defaults: defaults)
    settings.keyType = keyTypes.main
    settings.rsaKeyType = keyTypes.rsa
    settings.csr = csr?.pem ?? lineage?.csr
    if settings.csr != nil { settings.reuseKey = false }
    return settings
  }

  /// With a request of the user's own the key is what it is, whatever the defaults are.
  ///
  /// Of two certificates the one is ECDSA, the other RSA, and a type that is given is that of its kind.
  private func resolvedKeyTypes(
    lineage: LineageSettings?, defaults: SettingsOverrides
  ) -> (main: KeyType, rsa: KeyType?) {
    if let csr { return (csr.keyType, nil) }
    let wanted = self.keyType ?? lineage?.keyType ?? defaults.keyType ?? .ec256
    let isDual = self.dual ?? lineage.map { $0.rsaKeyType != nil } ?? defaults.dual ?? false
    guard isDual, lineage?.csr == nil else { return (wanted, nil) }
    let known = [lineage?.keyType, lineage?.rsaKeyType, defaults.keyType].compactMap { $0 }
    return wanted.isRSA
      ? (known.first { !$0.isRSA } ?? .ec256, wanted)
      : (wanted, known.first(where: \.isRSA) ?? .rsa2048)
  }

  private func resolvedChallenge(
    lineage: ChallengeSettings?, defaults: SettingsOverrides
  ) -> ChallengeSettings {
    // Who names a provider wants it used, also where it was the listener before.
    let wanted = dns.provider == nil || lineage?.type.isOfDNS == true ? nil : ChallengeType.dns01
    let type = self.challenge ?? wanted ?? lineage?.type ?? defaults.challenge ?? .http01
    var settings = resolvedServers(type, lineage: lineage, defaults: defaults)
    settings.dns = dns.over(lineage?.dns, defaults.dns)
    return settings
  }

  private func resolvedServers(
    _ type: ChallengeType, lineage: ChallengeSettings?, defaults: SettingsOverrides
  ) -> ChallengeSettings {
    let common = ChallengeSettings(
      type: type, httpPort: defaults.httpPort, httpAddress: defaults.httpAddress,
      webroot: defaults.webroot, tlsPort: defaults.tlsPort)
    // What a lineage says of another type says nothing about this one.
    let base = lineage.flatMap { $0.type == type ? $0 : nil } ?? common
    guard type == .http01 || type.isOfDNS else {
      return ChallengeSettings(
        type: type, httpAddress: self.httpAddress ?? base.httpAddress,
        tlsPort: self.tlsPort ?? base.tlsPort)
    }
    // A port or an address given now means a listener, not the webroot of before.
    let wantsListener = self.httpPort != nil || self.httpAddress != nil
    if let webroot = self.webroot ?? (wantsListener ? nil : base.webroot) {
      return ChallengeSettings(type: type, webroot: webroot)
    }
    return ChallengeSettings(
      type: type, httpPort: self.httpPort ?? base.httpPort,
      httpAddress: self.httpAddress ?? base.httpAddress,
      // Addresses beside names that the DNS proves.
      tlsPort: type.isOfDNS ? self.tlsPort ?? base.tlsPort : nil)
  }
}
