import ACME
import CertctlBase
import CertctlCore
import CertctlCrypto
import CertctlStore
import CertctlSystem
import Logging
import Synchronization

/// The validation of one order: presents and answers all challenges, and waits for the result.
struct Validation: Sendable {
  /// How long a CA may take to validate; after that, the order is left for the next run.
  static let timeLimit = Duration.seconds(300)
  /// How long the clean-up may take; temporary failures of DNS services are retried.
  static let cleanupLimit = Duration.seconds(120)
  /// How long the clean-up may take after Ctrl-C; the next run cleans up the rest.
  static let hurriedLimit = Duration.seconds(15)

  let account: Account
  let solvers: ChallengeSolvers
  let journal: ChallengeJournal
  let lineage: LineageName
  let progress: @Sendable (Progress) -> Void
  let logger: Logger
  let warn: @Sendable (String) -> Void

  /// An open challenge of the order.
  private struct Open: Sendable {
    let type: ChallengeType
    let challenge: Challenge
    let presented: PresentedChallenge
  }

  /// Runs `place` after preparing the solvers, then validates the order that it returns.
  ///
  /// Presented challenges are cleaned up before this returns or throws, even on cancellation.
  func complete(_ place: @Sendable () async throws -> Order) async throws -> Order {
    let box = PresentedBox()
    let reason = Mutex<String?>(nil)
    return try await withCleanup(
      timeout: Self.cleanupLimit, afterCancellation: Self.hurriedLimit
    ) { error in
      // If creating and removing records fail with the same message, none was created.
      guard reason.withLock(\.self) != CertctlError(wrapping: error).message else { return }
      reportCleanupFailure(error, box.challenges)
    } _: {
      for type in solvers.types {
        box.prepare(type)
        try await solvers[type]?.prepare()
      }
      let order = try await place()
      guard order.status == .pending else { return order }
      return try await validate(order, box)
    } cleanup: { result in
      if case .failure(let error) = result, !CertctlError(wrapping: error).isRetryable {
        reason.withLock { $0 = CertctlError(wrapping: error).message }
      }
      try await cleanUp(box.prepared, box.challenges)
    }
  }

  /// Warns that the clean-up failed, if a challenge outlives this process.
  private func reportCleanupFailure(_ error: any Error, _ challenges: [PresentedChallenge]) {
    guard challenges.contains(where: { persistsAfterExit($0.type) }) else {
      return logger.warning("could not clean up a challenge: \(error)")
    }
    let isLate = (error as? HostError)?.code == .timedOut || error is CancellationError
    warn(
      "could not clean up the challenge for \(lineage)"
        + (isLate ? " (timed out)" : ": \(CertctlError(wrapping: error).message)")
        + "; the next run will retry")
  }

  private func validate(_ order: Order, _ box: PresentedBox) async throws -> Order {
    var open: [Open] = []
    for url in order.authorizations {
      let authorization = try await account.authorization(at: url)
      if authorization.status == .valid { continue }
      open.append(try challenge(of: authorization))
    }
    let lasting = open.map(\.presented).filter { persistsAfterExit($0.type) }
    if !lasting.isEmpty {
      try await journal.record(lasting, by: solvers.dns, of: lineage)
    }
    box.challenges = open.map(\.presented)
    progress(.presenting(words(of: open), count: open.count))
    try await eachType(open) { try await $0.present($1) }
    try await eachType(open) { try await $0.waitUntilVisible($1) }
    // A resumed order may be answered already, and a CA may count each response as an attempt.
    for item in open where item.challenge.status == .pending {
      try await account.respond(to: item.challenge)
    }
    progress(.validating)
    do {
      return try await account.waitForValidation(of: order, timeout: Self.timeLimit)
    } catch let error as ACMEError where Self.isRefusal(error) {
      throw CertctlError(error, advisedFor: open.map(\.type), or: solvers.types)
    }
  }

  private static func isRefusal(_ error: ACMEError) -> Bool {
    [.authorizationInvalid, .orderInvalid].contains(error.code)
  }

  private func words(of open: [Open]) -> String {
    Set(open.map(\.type.rawValue)).sorted().joined(separator: " and ")
  }

  private func persistsAfterExit(_ type: ChallengeType?) -> Bool {
    type.flatMap { solvers[$0] }.map { Swift.type(of: $0).persistsAfterExit } ?? false
  }

  /// Runs `body` concurrently for each solver with its own challenges.
  private func eachType(
    _ open: [Open],
    _ body: @escaping @Sendable (any ChallengeSolver, [PresentedChallenge]) async throws -> Void
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for (type, items) in Dictionary(grouping: open, by: \.type) {
        guard let solver = solvers[type] else { continue }
        group.addTask { try await body(solver, items.map(\.presented)) }
      }
      try await group.waitForAll()
    }
  }

  private func challenge(of authorization: Authorization) throws -> Open {
    let wanted = solvers.type(
      for: Identifier(type: authorization.identifier.type, value: authorization.name))
    let proof = try Catalog.challengeMethod(wanted).proof
    guard let challenge = authorization.challenge(wanted),
      let presented = try proof(challenge, authorization, account)
    else {
      let offered = authorization.challenges.map(\.type.rawValue).sorted()
      throw CertctlError(
        .challengeFailed,
        "cannot validate \(authorization.identifier.value): "
          + "the CA does not offer \(wanted.rawValue)",
        hint: "use another --challenge; the CA offers: \(offered.joined(separator: ", "))")
    }
    return Open(type: wanted, challenge: challenge, presented: presented)
  }

  /// Cleans up the challenges with each solver that was prepared.
  private func cleanUp(
    _ types: [ChallengeType], _ challenges: [PresentedChallenge]
  ) async throws {
    var failure: (any Error)?
    for type in types {
      guard let solver = solvers[type] else { continue }
      do {
        try await solver.cleanUp(challenges.filter { $0.type == type })
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    // Clear only what was recorded here: the journal may hold challenges of earlier runs.
    guard challenges.contains(where: { persistsAfterExit($0.type) }) else { return }
    try await journal.clear(lineage)
  }
}

/// The presented challenges, for the clean-up outside the task that presented them.
private final class PresentedBox: Sendable {
  private let storage = Mutex<(types: [ChallengeType], challenges: [PresentedChallenge])>(([], []))

  func prepare(_ type: ChallengeType) { storage.withLock { $0.types.append(type) } }

  var prepared: [ChallengeType] { storage.withLock { $0.types } }

  var challenges: [PresentedChallenge] {
    get { storage.withLock { $0.challenges } }
    set { storage.withLock { $0.challenges = newValue } }
  }
}
