package import CertctlCore
package import CertctlDNS
package import CertctlStore

/// A solver of the challenges of one type, for several concurrent orders.
///
/// For each order the calls come in this sequence: `prepare`, `present` once with all its
/// challenges, `waitUntilVisible`, and `cleanUp` with the same challenges. `cleanUp` is always
/// called, even if `prepare` or `present` failed or the run was cancelled. After a crash, `cleanUp`
/// is called on a new solver created from the lineage's settings.
package protocol ChallengeSolver: Sendable {
  /// Whether presented challenges outlive the process, and so must be in the journal.
  static var persistsAfterExit: Bool { get }

  /// Creates a solver for the settings of its challenge type.
  init(settings: ChallengeSettings, context: SolverContext)

  /// Checks that challenges can be presented, before an order is placed.
  func prepare() async throws

  /// Presents all challenges of an order.
  func present(_ challenges: [PresentedChallenge]) async throws

  /// Waits until the CA can see what was presented.
  func waitUntilVisible(_ challenges: [PresentedChallenge]) async throws

  /// Removes what was presented; it is not an error if something does not exist.
  func cleanUp(_ challenges: [PresentedChallenge]) async throws
}

extension ChallengeSolver {
  /// Returns immediately.
  package func waitUntilVisible(_ challenges: [PresentedChallenge]) async throws {}
}
