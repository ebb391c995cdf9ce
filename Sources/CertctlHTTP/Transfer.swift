internal import CertctlBase
internal import Synchronization

/// One request on curl's thread, and the task that waits for it.
final class Transfer: Sendable {
  typealias Answer = (HTTPResponse, redirect: String?)
  typealias Waiter = CheckedContinuation<Answer, any Error>

  private struct State: Sendable {
    var waiter: Waiter?
    var isCancelled = false
  }

  let request: HTTPRequest
  let origin: Origin
  let deadline: ContinuousClock.Instant
  private let state = Mutex(State())

  /// Creates a transfer, and checks the request.
  init(
    _ request: HTTPRequest, _ configuration: CurlHTTPClient.Configuration
  ) throws(HostError) {
    origin = try Origin(request.url)
    let words = request.headers.flatMap { [$0.name, $0.value] } + [request.method.rawValue]
    let names = request.headers.map(\.name) + [request.method.rawValue]
    guard !words.contains(where: { $0.utf8.contains { $0 == 10 || $0 == 13 || $0 == 0 } }),
      !names.contains(where: { $0.isEmpty || $0.utf8.contains { $0 <= 32 || $0 == 58 } })
    else {
      throw HostError(
        .invalidRequest, operation: "send a request to", subject: request.url,
        detail: "the method or a header contains invalid characters")
    }
    self.request = request
    deadline = .now + (request.timeout ?? configuration.timeout)
  }

  /// Whether the task was cancelled.
  var isCancelled: Bool { state.withLock { $0.isCancelled } }

  func begin(_ waiter: Waiter) { state.withLock { $0.waiter = waiter } }

  func cancel() { state.withLock { $0.isCancelled = true } }

  /// Resumes the task, at most once.
  func finish(_ result: Result<Answer, any Error>) {
    state.withLock { $0.waiter.take() }?.resume(with: result)
  }
}
