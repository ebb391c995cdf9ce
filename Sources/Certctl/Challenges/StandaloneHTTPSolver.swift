public import ACME
import HostIO
import Synchronization

/// http-01 by a listener of our own.
///
/// It answers the tokens of the running order and nothing else: it stands on the open internet.
public final class StandaloneHTTPSolver: ChallengeSolver {
  /// http-01.
  public static let type = ChallengeType.http01
  /// The listener dies with the process.
  public static let outlivesProcess = false

  private let endpoints: [Endpoint]
  private let answers = Mutex<[String: String]>([:])
  private let server = Mutex<HTTPServer?>(nil)

  /// http-01 without a webroot.
  public static func serves(_ settings: ChallengeSettings) -> Bool {
    settings.type == type && settings.webroot == nil
  }

  /// A solver for the address and port of these settings.
  public init(settings: ChallengeSettings) {
    endpoints = settings.endpoints(port: settings.httpPort ?? 80)
  }

  /// Starts listening, so that a port that is in use is found at once.
  public func prepare() async throws {
    do {
      let started = try await HTTPServer.start(endpoints: endpoints) { [weak self] request in
        self?.answer(request) ?? ServerResponse(status: 404)
      }
      server.withLock { $0 = started }
    } catch let error as HostError {
      throw CertctlError(
        cannotListen: error,
        hint: "let that server answer by --webroot DIR, or choose another port by --http-port")
    }
  }

  /// Lets the listener answer these tokens.
  public func present(_ challenges: [PresentedChallenge]) async throws {
    answers.withLock { answers in
      for challenge in challenges { answers[challenge.token] = challenge.keyAuthorization }
    }
  }

  /// Stops listening.
  public func retract(_ challenges: [PresentedChallenge]) async throws {
    answers.withLock { $0.removeAll() }
    let running = server.withLock { server in
      defer { server = nil }
      return server
    }
    await running?.stop()
  }

  private func answer(_ request: ServerRequest) -> ServerResponse {
    let prefix = "/.well-known/acme-challenge/"
    guard request.path.hasPrefix(prefix) else { return ServerResponse(status: 404) }
    let token = String(request.path.dropFirst(prefix.count))
    guard let answer = answers.withLock({ $0[token] }) else { return ServerResponse(status: 404) }
    return ServerResponse(
      status: 200, contentType: "application/octet-stream", body: Array(answer.utf8))
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
