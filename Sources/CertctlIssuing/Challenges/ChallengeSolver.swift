package import CertctlCore
package import CertctlDNS
package import CertctlStore

/// Fulfils the challenges of one type, for several orders side by side.
///
/// For each order the calls come in this sequence: `prepare`, then `present` once with all its
/// challenges, then `waitUntilVisible`, and last `cleanUp` with the same challenges, which comes
/// always, also when `prepare` or `present` failed half-way or the run was cancelled. After a crash,
/// `cleanUp` is called on a fresh solver made from the lineage's settings.
package protocol ChallengeSolver: Sendable {
  /// Whether what it presents outlives the process, and so must be in the journal.
  static var persistsAfterExit: Bool { get }

  /// A solver for settings that its challenge type's descriptor gives it.
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
  package func waitUntilVisible(_ challenges: [PresentedChallenge]) async throws {}
}
