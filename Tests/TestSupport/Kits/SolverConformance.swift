package import ACME
package import CertctlCore
package import CertctlDNS
package import CertctlIssuing
package import CertctlStore
package import Testing

/// The contract of every ``ChallengeSolver``, as a test that one call runs.
///
/// A test of a new solver provides settings and a closure that looks for a challenge as a CA would:
///
///     try await SolverConformance(WebrootSolver.self, settings) { try await look($0) }.run()
///
/// It presents two challenges at once, checks them, cleans up, checks again and cleans up a second
/// time. It also cleans up without presenting, and serves many orders concurrently. If challenges
/// persist after exit, it cleans up after a crash with a new solver.
package struct SolverConformance<Solver: ChallengeSolver>: Sendable {
  /// Returns whether a CA would find the correct response to a challenge now.
  package typealias Look = @Sendable (PresentedChallenge) async throws -> Bool

  let settings: ChallengeSettings
  let challenges: [PresentedChallenge]
  let look: Look
  let context: SolverContext

  /// Creates a test of a solver.
  ///
  /// - Parameters:
  ///   - solver: The type to test.
  ///   - settings: Settings for the solver, with free ports and a temporary directory.
  ///   - names: The names to validate.
  ///   - context: The solver's context.
  ///   - look: Whether a CA would find the correct response to a challenge now; false if there is
  ///     none, or no server.
  package init(
    _ solver: Solver.Type, _ settings: ChallengeSettings,
    names: [Identifier] = [.dns("a.example.com"), .dns("b.example.com")],
    context: SolverContext = SolverContext(environment: .failing), look: @escaping Look
  ) {
    self.context = context
    self.settings = settings
    self.look = look
    challenges = names.enumerated().map { number, name in
      let token = "conformance_token-\(number)"
      return PresentedChallenge(
        identifier: name, keyAuthorization: KeyAuthorization("\(token).thumbprint"))
    }
  }

  /// Runs all checks and records failures at the caller's location.
  package func run(sourceLocation: SourceLocation = #_sourceLocation) async throws {
    let served = try Catalog.solver(for: settings, in: context)
    #expect(served is Solver, "the settings are not for it", sourceLocation: sourceLocation)
    try await presentsAndCleansUp(sourceLocation)
    try await cleansUpWhatWasNeverPresented(sourceLocation)
    try await canBeUsedAgain(sourceLocation)
    try await servesOrdersSideBySide(sourceLocation)
    if Solver.persistsAfterExit { try await cleansUpAfterACrash(sourceLocation) }
  }

  private func presentsAndCleansUp(_ place: SourceLocation) async throws {
    let solver = Solver(settings: settings, context: context)
    try await solver.prepare()
    try await expect(visible: false, "after prepare", place)
    try await solver.present(challenges)
    try await solver.waitUntilVisible(challenges)
    try await expect(visible: true, "after present", place)
    try await solver.cleanUp(challenges)
    try await expect(visible: false, "after the clean-up", place)
    // Cleaning up again is not an error.
    try await solver.cleanUp(challenges)
  }

  private func cleansUpWhatWasNeverPresented(_ place: SourceLocation) async throws {
    try await Solver(settings: settings, context: context).cleanUp(challenges)
    let prepared = Solver(settings: settings, context: context)
    try await prepared.prepare()
    try await prepared.cleanUp([])
    try await expect(visible: false, "after a clean-up without present", place)
  }

  /// Ports, files and records must be free again for the next order.
  private func canBeUsedAgain(_ place: SourceLocation) async throws {
    let solver = Solver(settings: settings, context: context)
    try await solver.prepare()
    try await solver.present(challenges)
    try await expect(visible: true, "the second time", place)
    try await solver.cleanUp(challenges)
    try await expect(visible: false, "after the second time", place)
  }

  /// Cleaning up one order must not affect concurrent ones.
  private func servesOrdersSideBySide(_ place: SourceLocation) async throws {
    let solver = Solver(settings: settings, context: context)
    let look = look
    let found = try await withThrowingTaskGroup(of: Bool.self) { group in
      for number in 0..<24 {
        let challenge = PresentedChallenge(
          identifier: .dns("order\(number).example.com"),
          keyAuthorization: KeyAuthorization("side_by_side-\(number).thumbprint"))
        group.addTask {
          try await solver.prepare()
          try await solver.present([challenge])
          try await solver.waitUntilVisible([challenge])
          let isThere = try await look(challenge)
          try await solver.cleanUp([challenge])
          return isThere
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(found == Array(repeating: true, count: 24), sourceLocation: place)
    try await expect(visible: false, "after orders side by side", place)
  }

  private func cleansUpAfterACrash(_ place: SourceLocation) async throws {
    let lost = Solver(settings: settings, context: context)
    try await lost.prepare()
    try await lost.present(challenges)
    try await Solver(settings: settings, context: context).cleanUp(challenges)
    try await expect(visible: false, "after a clean-up by the next process", place)
  }

  private func expect(visible: Bool, _ when: String, _ place: SourceLocation) async throws {
    for challenge in challenges {
      let found = try await look(challenge)
      #expect(
        found == visible, "\(challenge.identifier) \(when)", sourceLocation: place)
    }
  }
}
