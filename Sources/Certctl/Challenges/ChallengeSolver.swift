public import ACME

/// A challenge as a solver needs it.
public struct PresentedChallenge: Codable, Sendable, Equatable {
  /// The name that is being proved, without the star of a wildcard.
  public let identifier: Identifier
  /// The challenge's token (RFC 8555, section 8.1), checked against its alphabet; empty where the type
  /// has none.
  public let token: String
  /// The token, a dot, and the account key's thumbprint.
  public let keyAuthorization: String
  /// The type; nil in what earlier versions wrote: then it is that of the lineage.
  public var type: ChallengeType?
  /// Whether it is for the wildcard.
  public var isWildcard: Bool?
  /// The URL of the account.
  public var account: String?
  /// The CA's own names, for dns-persist-01.
  public var issuers: [String]?

  /// A challenge for one name.
  public init(
    identifier: Identifier, token: String, keyAuthorization: String, type: ChallengeType? = nil,
    isWildcard: Bool? = nil, account: String? = nil, issuers: [String]? = nil
  ) {
    self.identifier = identifier
    self.token = token
    self.keyAuthorization = keyAuthorization
    self.type = type
    self.isWildcard = isWildcard
    self.account = account
    self.issuers = issuers
  }

  /// The name as it was ordered, with the star of a wildcard.
  var orderedName: Identifier {
    isWildcard == true ? .dns("*.\(identifier.value)") : identifier
  }

  /// Whether the token has the alphabet and size of RFC 8555, section 8.1: checked again where it
  /// becomes part of a path, since it may come from the journal.
  var hasValidToken: Bool {
    !token.isEmpty && token.utf8.count <= Challenge.longestToken && Base64URL.isAlphabet(token)
  }
}

/// Fulfils the challenges of one type, for several orders side by side.
///
/// For each order the calls come in this sequence: `prepare`, then `present` once with all its
/// challenges, then `waitUntilVisible`, and last `cleanUp` with the same challenges, which comes
/// always, also when `prepare` or `present` failed half-way or the run was cancelled. After a crash,
/// `cleanUp` is called on a fresh solver made from the lineage's settings.
public protocol ChallengeSolver: Sendable {
  /// The challenge types that it fulfils.
  static var types: [ChallengeType] { get }

  /// Whether it is the one for these settings.
  static func serves(_ settings: ChallengeSettings) -> Bool

  /// Whether what it presents outlives the process, and so must be in the journal.
  static var persistsAfterExit: Bool { get }

  /// A solver for settings that it serves.
  init(settings: ChallengeSettings, context: SolverContext)

  /// Makes sure that challenges can be presented, before an order is spent on finding out.
  func prepare() async throws

  /// Presents all challenges of an order.
  func present(_ challenges: [PresentedChallenge]) async throws

  /// Returns when the CA can see what was presented.
  func waitUntilVisible(_ challenges: [PresentedChallenge]) async throws

  /// Takes back what was presented; what is not there is no error.
  func cleanUp(_ challenges: [PresentedChallenge]) async throws
}

extension ChallengeSolver {
  /// Nothing to wait for.
  public func waitUntilVisible(_ challenges: [PresentedChallenge]) async throws {}
}
