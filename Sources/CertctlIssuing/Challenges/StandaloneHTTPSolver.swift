import ACME
import CertctlBase
package import CertctlCore
package import CertctlDNS
package import CertctlStore
import CertctlSystem
import Synchronization

/// The solver of http-01 with a built-in listener.
///
/// The listener is exposed to the internet, so it serves only the tokens of running orders.
package final class StandaloneHTTPSolver: ChallengeSolver {
  /// The listener stops with the process.
  package static let persistsAfterExit = false

  private let answers: Answers
  private let listener: SharedListener<HTTPServer>

  /// Creates a solver for the address and port of these settings.
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

  /// Starts listening, so that a port in use is detected early.
  package func prepare() async throws {
    do {
      try await listener.join()
    } catch let error as HostError {
      throw CertctlError(
        cannotListen: error,
        hint: "use that server with --webroot DIR, or another port with --http-port PORT")
    }
  }

  /// Makes the listener serve these tokens.
  package func present(_ challenges: [PresentedChallenge]) async throws {
    answers.add(challenges)
  }

  /// Stops serving these tokens, and stops listening when no order is left.
  package func cleanUp(_ challenges: [PresentedChallenge]) async throws {
    answers.remove(challenges)
    await listener.leave()
  }
}

/// The tokens that the listener serves.
private final class Answers: Sendable {
  // The CA may issue the same token to two orders that share a name, so this is an array.
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
  /// Creates the error for a built-in listener that could not be started.
  ///
  /// A process that holds the port rarely releases it, so this error is not retryable.
  ///
  /// - Parameters:
  ///   - error: The cause.
  ///   - hint: The hint if another process holds the port.
  init(cannotListen error: HostError, hint: String) {
    self.init(
      .challengeFailed, error.description, hint: error.code == .addressInUse ? hint : error.hint)
  }
}

extension ChallengeSettings {
  /// Returns the endpoints to bind: the given address, or all IPv4 and IPv6 addresses.
  func endpoints(port: Int) -> [Endpoint] {
    if let httpAddress { return [Endpoint(host: httpAddress, port: port)] }
    return [Endpoint(host: "0.0.0.0", port: port), Endpoint(host: "::", port: port)]
  }
}
