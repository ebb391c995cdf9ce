import ACME
import HostIO
import Logging
import PKI
import Synchronization

/// Proves the names of one order: presents all challenges, answers all, waits for the order.
struct Validation: Sendable {
  /// How long a CA may take to validate; then the order is left for the next run.
  static let timeLimit = Duration.seconds(300)

  let account: Account
  let solver: any ChallengeSolver
  let journal: ChallengeJournal
  let lineage: LineageName
  let progress: @Sendable (Progress) -> Void
  let logger: Logger

  /// Runs `place` with the solver ready, then validates the order that it returns.
  ///
  /// Whatever happens, cancellation included, what was presented is retracted before this
  /// returns or throws.
  func complete(_ place: @Sendable () async throws -> Order) async throws -> Order {
    let box = PresentedBox()
    let log: @Sendable (any Error) -> Void = {
      logger.warning("a challenge was not retracted: \($0)")
    }
    return try await withRetraction(timeout: .seconds(60), onFailure: log) {
      try await solver.prepare()
      let order = try await place()
      guard order.status == .pending else { return order }
      return try await validate(order, box)
    } retract: { _ in
      try await retract(box.challenges)
    }
  }

  private func validate(_ order: Order, _ box: PresentedBox) async throws -> Order {
    var open: [(Challenge, PresentedChallenge)] = []
    for url in order.authorizations {
      let authorization = try await account.authorization(at: url)
      if authorization.status == .valid { continue }
      open.append(try challenge(of: authorization))
    }
    let challenges = open.map(\.1)
    if type(of: solver).outlivesProcess {
      try await Blocking.run { try journal.record(challenges, of: lineage) }
    }
    box.challenges = challenges
    progress(.presenting(type(of: solver).type.rawValue, count: challenges.count))
    try await solver.present(challenges)
    try await solver.waitUntilVisible(challenges)
    // A resumed order may have been answered already; a CA may count each answer as an attempt.
    for (challenge, _) in open where challenge.status == .pending {
      try await account.respond(to: challenge)
    }
    progress(.validating)
    let validated = try await account.waitForOrder(
      at: order.url, whileIn: [.pending], timeout: Self.timeLimit)
    guard validated.status != .invalid else {
      throw CertctlError(
        try await account.failure(of: validated), advisedFor: type(of: solver).type)
    }
    return validated
  }

  private func challenge(
    of authorization: Authorization
  ) throws -> (Challenge, PresentedChallenge) {
    let wanted = type(of: solver).type
    guard let challenge = authorization.challenges.first(where: { $0.type == wanted }),
      let token = challenge.token
    else {
      let offered = authorization.challenges.map(\.type.rawValue).sorted()
      throw CertctlError(
        .challengeFailed,
        "the CA offers no \(wanted.rawValue) for \(authorization.identifier.value)",
        hint: "it offers: \(escapedForTerminal(offered.joined(separator: ", ")))")
    }
    let proof = try challenge.keyAuthorization(accountKey: account.key.publicKey)
    return (
      challenge,
      PresentedChallenge(
        identifier: authorization.identifier, token: token, keyAuthorization: proof.string)
    )
  }

  private func retract(_ challenges: [PresentedChallenge]) async throws {
    try await solver.retract(challenges)
    guard type(of: solver).outlivesProcess else { return }
    try await Blocking.run { try journal.clear(lineage) }
  }
}

/// What was presented, for the retraction that runs outside the task that presented it.
private final class PresentedBox: Sendable {
  private let storage = Mutex<[PresentedChallenge]>([])

  var challenges: [PresentedChallenge] {
    get { storage.withLock { $0 } }
    set { storage.withLock { $0 = newValue } }
  }
}
