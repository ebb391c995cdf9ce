import ACME
import CertctlCore
import CertctlCrypto
import CertctlStore

/// A challenge type: what it proves, what it takes, how its proof is made, and who serves it.
///
/// All that certctl knows of a single challenge type stands in its descriptor. A new type is one file
/// with a solver and a descriptor, and one line in `Catalog.challengeMethods`: help, checks and advice
/// follow from there.
struct ChallengeMethod: Sendable {
  /// What a name is, as far as not every type can prove it.
  enum NameKind: Sendable, CaseIterable {
    case domain, wildcard, address

    /// What names of the kind are called.
    var plural: String {
      switch self {
      case .domain: "domains"
      case .wildcard: "wildcards"
      case .address: "IP addresses"
      }
    }
  }

  /// When a type proves names that the lineage's own type cannot.
  enum Fallback: Sendable, Equatable {
    /// Only a lineage that names the type uses it.
    case never
    /// Where no other is asked for.
    case always
    /// Where this is set.
    case whenSet(ChallengeSetting)
  }

  /// What to do about a challenge that the CA refused.
  struct Advice: Sendable {
    /// For some kinds of problem.
    var byProblem: [ProblemType: String] = [:]
    /// For all that there is no better advice for.
    var otherwise: String?
  }

  /// Makes what a solver presents; nil where the CA's challenge lacks what the type needs.
  typealias Proof =
    @Sendable (
      _ challenge: Challenge, _ authorization: Authorization, _ account: Account
    ) throws -> PresentedChallenge?

  /// The word that CAs and users have for it.
  let type: ChallengeType
  /// The kinds of names that it proves.
  let nameKinds: Set<NameKind>
  /// Whether the CA finds the proof in the DNS, and not at the named host.
  var isOfDNS = false
  /// The settings that it has a use for.
  var settings: Set<ChallengeSetting> = []
  /// Those of them that it cannot do without.
  var required: Set<ChallengeSetting> = []
  /// When it proves names that the lineage's own type cannot.
  var fallback = Fallback.never
  /// What to do when the CA refuses it.
  var advice = Advice()
  /// How its proof is made: most present a key authorization.
  var proof: Proof = Self.presentsKeyAuthorization
  /// The solver for settings of this type.
  let solver: @Sendable (ChallengeSettings) -> any ChallengeSolver.Type

  /// Presents the key authorization of the challenge's token (RFC 8555, section 8.1).
  static let presentsKeyAuthorization: Proof = { challenge, authorization, account in
    guard challenge.token != nil else { return nil }
    return PresentedChallenge(
      identifier: authorization.identifier,
      keyAuthorization: try challenge.keyAuthorization(accountKey: account.key.publicKey),
      type: challenge.type, isWildcard: authorization.isWildcard, account: account.url)
  }

  /// Whether it can prove a name.
  func proves(_ name: Identifier) -> Bool { nameKinds.contains(NameKind(name)) }
}

extension ChallengeMethod.NameKind {
  /// The kind of a name.
  init(_ name: Identifier) {
    self = name.type == .ip ? .address : name.isWildcard ? .wildcard : .domain
  }
}

/// A setting that some challenge types have a use for and others have not.
package enum ChallengeSetting: Sendable, CaseIterable {
  case httpPort, httpAddress, webroot, tlsPort, provider

  /// The option that gives it.
  var option: String {
    switch self {
    case .httpPort: "--http-port"
    case .httpAddress: "--http-address"
    case .webroot: "--webroot"
    case .tlsPort: "--tls-port"
    case .provider: "--dns"
    }
  }

  /// The option with its value, for a hint.
  var usage: String {
    switch self {
    case .httpPort, .tlsPort: "\(option) PORT"
    case .httpAddress: "\(option) ADDRESS"
    case .webroot: "\(option) DIR"
    case .provider: "\(option) PROVIDER (certctl dns-providers lists them)"
    }
  }

  /// What it says, after "needs to know".
  var purpose: String {
    switch self {
    case .httpPort, .tlsPort: "which port to listen on"
    case .httpAddress: "which address to listen on"
    case .webroot: "which folder the web server shows as /"
    case .provider: "who makes the records"
    }
  }

  /// Whether the settings of a lineage have it.
  func isSet(in settings: ChallengeSettings) -> Bool {
    switch self {
    case .httpPort: settings.httpPort != nil
    case .httpAddress: settings.httpAddress != nil
    case .webroot: settings.webroot != nil
    case .tlsPort: settings.tlsPort != nil
    case .provider: settings.dns?.provider != nil
    }
  }

  /// Whether it was given with the command.
  func isGiven(in overrides: SettingsOverrides) -> Bool {
    switch self {
    case .httpPort: overrides.httpPort != nil
    case .httpAddress: overrides.httpAddress != nil
    case .webroot: overrides.webroot != nil
    case .tlsPort: overrides.tlsPort != nil
    case .provider: overrides.dns.provider != nil
    }
  }

  /// The challenge types that have a use for it, as words for help.
  package var types: String {
    ChallengeMethod.words(Catalog.challengeMethods.filter { $0.settings.contains(self) }, "and")
  }
}

extension ChallengeMethod {
  /// The types in words: "http-01 and tls-alpn-01".
  static func words(_ methods: [ChallengeMethod], _ conjunction: String) -> String {
    let words = methods.map(\.type.rawValue)
    guard let last = words.last, words.count > 1 else { return words.first ?? "" }
    return words.dropLast().joined(separator: ", ") + " \(conjunction) \(last)"
  }
}

extension ChallengeType {
  /// Whether it proves names by records in the DNS.
  package var isOfDNS: Bool { Catalog.knownMethod(self)?.isOfDNS ?? false }
  /// Whether a record is made for each order.
  package var makesRecords: Bool {
    Catalog.knownMethod(self)?.required.contains(.provider) ?? false
  }
}
