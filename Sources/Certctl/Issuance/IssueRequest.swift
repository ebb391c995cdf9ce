public import ACME
import CertctlBase
public import PKI

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

/// The settings that were given on the command line; nil is "not given".
public struct SettingsOverrides: Sendable, Equatable {
  /// The CAs, by preset name or directory URL.
  public var authorities: [String]?
  /// A PEM file to trust the CA's HTTPS certificate by.
  public var caBundle: String?
  /// The challenge type.
  public var challenge: ChallengeType?
  /// The stand-alone http-01 port.
  public var httpPort: Int?
  /// The address that stand-alone responders bind.
  public var httpAddress: String?
  /// The webroot for http-01.
  public var webroot: String?
  /// The tls-alpn-01 port.
  public var tlsPort: Int?
  /// Who makes records in the DNS, and how they are checked.
  public var dns = DNSSettings()
  /// The key type.
  public var keyType: KeyType?
  /// Whether there is an RSA certificate beside an ECDSA one; `keyType` is that of either.
  public var dual: Bool?
  /// Whether renewals keep the key.
  public var reuseKey: Bool?
  /// Whether names that cannot be proved may be left out.
  public var allowPartial: Bool?
  /// The user's own certificate request.
  public var csr: GivenRequest?
  /// The profile.
  public var profile: String?
  /// The preferred chain.
  public var preferredChain: String?
  /// The owner's name.
  public var owner: String?
  /// The group's name.
  public var group: String?
  /// The key's mode in octal digits.
  public var keyMode: String?
  /// The lineage's own deploy hooks: absolute paths, in place of all that it had; empty for none.
  public var hooks: [String]?
  /// How many generations stay on disk.
  public var keepGenerations: Int?

  /// Nothing given.
  public init() {}

  /// The overrides over a lineage's own settings over the defaults.
  func resolved(
    names: [Identifier], lineage: LineageSettings?, defaults: SettingsOverrides
  ) -> LineageSettings {
    let hasRequest = csr != nil || lineage?.csr != nil
    let keyTypes = resolvedKeyTypes(lineage: lineage, defaults: defaults)
    return LineageSettings(
      names: names,
      authorities: authorities ?? lineage?.authorities ?? defaults.authorities ?? ["letsencrypt"],
      caBundle: caBundle ?? lineage?.caBundle ?? defaults.caBundle,
      challenge: resolvedChallenge(lineage: lineage?.challenge, defaults: defaults),
      keyType: keyTypes.main, rsaKeyType: keyTypes.rsa,
      reuseKey: !hasRequest && (reuseKey ?? lineage?.reuseKey ?? defaults.reuseKey ?? false),
      csr: csr?.pem ?? lineage?.csr,
      profile: profile ?? lineage?.profile ?? defaults.profile,
      preferredChain: preferredChain ?? lineage?.preferredChain ?? defaults.preferredChain,
      files: FileSettings(
        owner: owner ?? lineage?.files.owner ?? defaults.owner,
        group: group ?? lineage?.files.group ?? defaults.group,
        keyMode: keyMode ?? lineage?.files.keyMode ?? defaults.keyMode),
      // None is an answer, too: it is kept, or the file's would come back.
      hooks: hooks ?? lineage?.hooks ?? defaults.hooks,
      keepGenerations: keepGenerations ?? lineage?.keepGenerations ?? defaults.keepGenerations,
      allowPartial: allowPartial ?? lineage?.allowPartial ?? defaults.allowPartial)
  }

  /// With a request of the user's own the key is what it is, whatever the defaults are.
  ///
  /// Of two certificates the one is ECDSA, the other RSA, and a type that is given is that of its kind.
  private func resolvedKeyTypes(
    lineage: LineageSettings?, defaults: SettingsOverrides
  ) -> (main: KeyType, rsa: KeyType?) {
    if let csr { return (csr.keyType, nil) }
    let wanted = keyType ?? lineage?.keyType ?? defaults.keyType ?? .ec256
    let isDual = dual ?? lineage.map { $0.rsaKeyType != nil } ?? defaults.dual ?? false
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
    let type = challenge ?? wanted ?? lineage?.type ?? defaults.challenge ?? .http01
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
        type: type, httpAddress: httpAddress ?? base.httpAddress, tlsPort: tlsPort ?? base.tlsPort)
    }
    // A port or an address given now means a listener, not the webroot of before.
    let wantsListener = httpPort != nil || httpAddress != nil
    if let webroot = webroot ?? (wantsListener ? nil : base.webroot) {
      return ChallengeSettings(type: type, webroot: webroot)
    }
    return ChallengeSettings(
      type: type, httpPort: httpPort ?? base.httpPort,
      httpAddress: httpAddress ?? base.httpAddress,
      // Addresses beside names that the DNS proves.
      tlsPort: type.isOfDNS ? tlsPort ?? base.tlsPort : nil)
  }
}
