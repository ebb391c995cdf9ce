import ACME
import CertctlBase
import CertctlSystem
import Synchronization
import TestSupport

@testable import CertctlCore
@testable import CertctlDNS
@testable import CertctlIssuing
@testable import CertctlStore

/// A solver that records its calls, and fails or waits at the steps that a test selects.
final class RecordingSolver: ChallengeSolver {
  static let persistsAfterExit = true

  enum Call: Equatable { case prepare, present([String]), wait, cleanUp([String]) }
  enum Step { case prepare, present, wait, cleanUp }

  private struct State {
    var calls: [Call] = []
    var visible: [String: String] = [:]
    var failing: Set<Step> = []
    var sleepsIn: Step?
    var onPresent: (@Sendable () -> Void)?
  }

  private let state = Mutex(State())

  init(settings: ChallengeSettings, context: SolverContext) {}

  init() {}

  var calls: [Call] { state.withLock(\.calls) }

  /// The key authorizations that a CA can see now, by token.
  var visible: [String: String] { state.withLock(\.visible) }

  /// Makes a step fail from now on.
  func fail(_ step: Step) { _ = state.withLock { $0.failing.insert(step) } }

  /// Makes a step wait until it is cancelled.
  func sleep(in step: Step) { state.withLock { $0.sleepsIn = step } }

  /// Sets a closure that runs after the challenges are presented.
  func onPresent(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.onPresent = body } }

  func prepare() async throws { try await step(.prepare, .prepare) }

  func present(_ challenges: [PresentedChallenge]) async throws {
    state.withLock { state in
      for proof in challenges.compactMap(\.keyAuthorization) {
        state.visible[proof.token] = proof.string
      }
    }
    try await step(.present, .present(challenges.map(\.identifier.value)))
    state.withLock(\.onPresent)?()
  }

  func waitUntilVisible(_ challenges: [PresentedChallenge]) async throws {
    try await step(.wait, .wait)
  }

  func cleanUp(_ challenges: [PresentedChallenge]) async throws {
    state.withLock { state in
      for proof in challenges.compactMap(\.keyAuthorization) { state.visible[proof.token] = nil }
    }
    try await step(.cleanUp, .cleanUp(challenges.map(\.identifier.value)))
  }

  private func step(_ step: Step, _ call: Call) async throws {
    let (fails, sleeps) = state.withLock { state in
      state.calls.append(call)
      return (state.failing.contains(step), state.sleepsIn == step)
    }
    if sleeps { try await Task.sleep(for: .seconds(3600)) }
    if fails { throw HostError(.io, operation: "\(call)", subject: "the test's solver") }
  }
}
