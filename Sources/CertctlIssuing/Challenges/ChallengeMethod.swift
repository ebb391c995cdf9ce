import ACME
import CertctlCore
import CertctlCrypto
import CertctlStore

/// The descriptor of a challenge type: its kinds of names, settings, proof and solver.
///
/// It holds everything that certctl knows about a single challenge type. A new type takes one file
/// with a solver and a descriptor, and one line in `Catalog.challengeMethods`. Help, checks and
/// hints follow from these.
struct ChallengeMethod: Sendable {
  /// A kind of name; not every challenge type can validate every kind.
  enum NameKind: Sendable, CaseIterable {
    case domain, wildcard, address

    /// The plural of the kind, for messages.
    var plural: String {
      switch self {
      case .domain: "domains"
      case .wildcard: "wildcards"
      case .address: "IP addresses"
      }
    }
  }

  /// When a type validates names that the lineage's own type cannot validate.
  enum Fallback: Sendable, Equatable {
    /// Only for lineages that use the type themselves.
    case never
    /// If no `whenSet` type applies.
    case always
    /// If this setting is set.
    case whenSet(ChallengeSetting)
  }

  /// The hints for a challenge that the CA rejected.
  struct Advice: Sendable {
    /// The hints for particular types of problems.
    var byProblem: [ProblemType: String] = [:]
    /// The hint for all other problems.
    var otherwise: String?
  }

  /// Creates what a solver presents; nil if the CA's challenge lacks what the type requires.
  typealias Proof =
    @Sendable (
      _ challenge: Challenge, _ authorization: Authorization, _ account: Account
    ) throws -> PresentedChallenge?

  /// The challenge type.
  let type: ChallengeType
  /// The kinds of names that it can validate.
  let nameKinds: Set<NameKind>
  /// Whether the CA finds the proof in DNS rather than on the host.
  var isOfDNS = false
  /// The settings that it uses.
  var settings: Set<ChallengeSetting> = []
  /// The settings that it requires.
  var required: Set<ChallengeSetting> = []
  /// When it validates names that the lineage's own type cannot validate.
  var fallback = Fallback.never
  /// The hints for when the CA rejects it.
  var advice = Advice()
  /// How to create its proof; most types present a key authorization.
  var proof: Proof = Self.presentsKeyAuthorization
  /// Returns the type of the solver for settings.
  let solver: @Sendable (ChallengeSettings) -> any ChallengeSolver.Type

  /// Presents the key authorization of the challenge's token (RFC 8555, section 8.1).
  static let presentsKeyAuthorization: Proof = { challenge, authorization, account in
    guard challenge.token != nil else { return nil }
    return PresentedChallenge(
      identifier: authorization.identifier,
      keyAuthorization: try challenge.keyAuthorization(accountKey: account.key.publicKey),
      type: challenge.type, isWildcard: authorization.isWildcard, account: account.url)
  }

  /// Returns whether it can validate a name.
  func proves(_ name: Identifier) -> Bool { nameKinds.contains(NameKind(name)) }
}

extension ChallengeMethod.NameKind {
  /// Creates the kind of a name.
  init(_ name: Identifier) {
    self = name.type == .ip ? .address : name.isWildcard ? .wildcard : .domain
  }
}

/// A setting that only some challenge types use.
package enum ChallengeSetting: Sendable, CaseIterable {
  case httpPort, httpAddress, webroot, tlsPort, provider

  /// The option that sets it.
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
    case .provider: "\(option) PROVIDER (see: certctl dns-providers)"
    }
  }

  /// What the setting is, after "requires".
  var purpose: String {
    switch self {
    case .httpPort, .tlsPort: "a port to listen on"
    case .httpAddress: "an address to listen on"
    case .webroot: "a webroot directory"
    case .provider: "a DNS provider"
    }
  }

  /// Returns whether a lineage's settings contain it.
  func isSet(in settings: ChallengeSettings) -> Bool {
    switch self {
    case .httpPort: settings.httpPort != nil
    case .httpAddress: settings.httpAddress != nil
    case .webroot: settings.webroot != nil
    case .tlsPort: settings.tlsPort != nil
    case .provider: settings.dns?.provider != nil
    }
  }

  /// Returns whether the command sets it.
  func isGiven(in overrides: SettingsOverrides) -> Bool {
    switch self {
    case .httpPort: overrides.httpPort != nil
    case .httpAddress: overrides.httpAddress != nil
    case .webroot: overrides.webroot != nil
    case .tlsPort: overrides.tlsPort != nil
    case .provider: overrides.dns.provider != nil
    }
  }

  /// The challenge types that use it, for help texts.
  package var types: String {
    ChallengeMethod.words(Catalog.challengeMethods.filter { $0.settings.contains(self) }, "and")
  }
}

extension ChallengeMethod {
  /// Joins the names of the types: "http-01 and tls-alpn-01".
  static func words(_ methods: [ChallengeMethod], _ conjunction: String) -> String {
    let words = methods.map(\.type.rawValue)
    guard let last = words.last, words.count > 1 else { return words.first ?? "" }
    return words.dropLast().joined(separator: ", ") + " \(conjunction) \(last)"
  }
}

extension ChallengeType {
  /// Whether it validates names with DNS records.
  package var isOfDNS: Bool { Catalog.knownMethod(self)?.isOfDNS ?? false }
  /// Whether certctl creates DNS records for each order.
  package var makesRecords: Bool {
    Catalog.knownMethod(self)?.required.contains(.provider) ?? false
  }
}
