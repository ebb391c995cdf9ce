import ACME
import CertctlBase
package import CertctlCore
package import CertctlDNS
package import CertctlStore
import CertctlSystem
import Synchronization

/// http-01 by a listener of our own.
///
/// It answers the tokens of the running orders and nothing else: it stands on the open internet.
package final class StandaloneHTTPSolver: ChallengeSolver {
  /// The listener dies with the process.
  package static let persistsAfterExit = false

  private let answers: Answers
  private let listener: SharedListener<HTTPServer>

  /// A solver for the address and port of these settings.
  package init(settings: ChallengeSettings, context: SolverContext) {
    let port = settings.httpPort ?? 80
    let endpoints = settings.endpoints(port: port)
    let answers = Answers()
    self.answers = answers
    listener = SharedListener(port: port) {
      try await HTTPServer.start(endpoints: endpoints) { answers.answer($0) }
    } stop: { server in
      await server.stop()
    }
  }

  /// Starts listening, so that a port that is in use is found at once.
  package func prepare() async throws {
    do {
      try await listener.join()
    } catch let error as HostError {
      throw CertctlError(
        cannotListen: error,
        hint: "let that server answer by --webroot DIR, or choose another port by --http-port")
    }
  }

  /// Lets the listener answer these tokens.
  package func present(_ challenges: [PresentedChallenge]) async throws {
    answers.add(challenges)
  }

  /// Answers these tokens no longer, and stops listening when no order is left.
  package func cleanUp(_ challenges: [PresentedChallenge]) async throws {
    answers.remove(challenges)
    await listener.leave()
  }
}

/// What the listener answers, by token.
private final class Answers: Sendable {
  // Two orders with a name in common may be given one token by the CA.
  private let challenges = Mutex<[PresentedChallenge]>([])

  func add(_ more: [PresentedChallenge]) { challenges.withLock { $0 += more } }

  func remove(_ done: [PresentedChallenge]) {
    challenges.withLock { challenges in
      for challenge in done {
        if let index = challenges.firstIndex(of: challenge) { challenges.remove(at: index) }
      }
    }
  }

  func answer(_ request: ServerRequest) -> ServerResponse {
    let found = challenges.withLock { challenges in
      challenges.lazy.compactMap(\.keyAuthorization).first { $0.httpPath == request.path }
    }
    guard let found else { return ServerResponse(status: 404) }
    return ServerResponse(
      status: 200, contentType: "application/octet-stream", body: Array(found.string.utf8))
  }
}

extension CertctlError {
  /// A listener of our own that could not be started.
  ///
  /// Whoever has the port seldom gives it up, so this is a failure and not a "try later".
  ///
  /// - Parameters:
  ///   - error: Why.
  ///   - hint: What to do when another process has the port.
  init(cannotListen error: HostError, hint: String) {
    self.init(
      .challengeFailed, error.description, hint: error.code == .addressInUse ? hint : error.hint)
  }
}

extension ChallengeSettings {
  /// Where a listener binds: the address that was given, or all addresses of both families.
  func endpoints(port: Int) -> [Endpoint] {
    if let httpAddress { return [Endpoint(host: httpAddress, port: port)] }
    return [Endpoint(host: "0.0.0.0", port: port), Endpoint(host: "::", port: port)]
  }
}
