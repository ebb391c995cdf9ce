internal import CertctlBase
internal import CertctlCrypto
internal import FoundationEssentials
internal import Logging

/// The purpose of a request, for errors and retries.
struct RequestContext: Sendable {
  /// The verb phrase for errors.
  var operation: String
  /// The object of the operation.
  var subject: String?
  /// Whether to retry if the CA may already have processed the request.
  var repeatsLostAnswers = true
  /// The value of the Accept header, if any.
  var accept: String?

  init(
    _ operation: String, _ subject: String?, repeatsLostAnswers: Bool = true,
    accept: String? = nil
  ) {
    self.operation = operation
    self.subject = subject
    self.repeatsLostAnswers = repeatsLostAnswers
    self.accept = accept
  }
}

extension ACMEClient {
  /// Sends a POST-as-GET request (RFC 8555 section 6.3).
  func read(_ url: String, by signer: Signer, _ task: RequestContext) async throws -> HTTPResponse {
    try await post([], to: url, by: signer, task)
  }

  /// Sends a signed POST request with a new budget.
  func post(
    _ payload: [UInt8], to url: String, by signer: Signer, _ task: RequestContext
  ) async throws -> HTTPResponse {
    var budget = RetryBudget(policy)
    return try await post(payload, to: url, by: signer, task, budget: &budget)
  }

  /// Sends a signed POST request; every attempt has a new nonce and signature.
  func post(
    _ payload: [UInt8], to url: String, by signer: Signer, _ task: RequestContext,
    budget: inout RetryBudget
  ) async throws -> HTTPResponse {
    let rule = try await knownDirectory().rule
    try rule.check(url, for: task.operation)
    var headers = [HTTPField(name: "Content-Type", value: "application/jose+json")]
    if let accept = task.accept { headers.append(HTTPField(name: "Accept", value: accept)) }
    let fields = headers
    return try await perform(task, rule: rule, budget: &budget) { budget in
      let nonce = try await self.nonce(&budget)
      let body = try JWS.sign(payload, url: url, nonce: nonce, by: signer)
      return HTTPRequest(.post, url, headers: fields, body: body)
    }
  }

  /// Returns a nonce from the pool or, if it is empty, from the CA.
  private func nonce(_ budget: inout RetryBudget) async throws -> String {
    if let nonce = nonces.take() { return nonce }
    let known = try await knownDirectory()
    let url = known.directory.newNonce
    let task = RequestContext("get a nonce from", url)
    let response = try await perform(task, rule: known.rule, budget: &budget) { _ in
      HTTPRequest(.head, url)
    }
    guard let nonce = nonces.take() else {
      throw ACMEError(
        .unexpectedAnswer, task.operation, subject: url, status: response.status,
        detail: "the response has no usable Replay-Nonce header")
    }
    return nonce
  }

  /// Sends a request and retries it within the policy and the task's rules; returns a 2xx response.
  func perform(
    _ task: RequestContext, rule: URLPolicy, budget: inout RetryBudget,
    _ build: (inout RetryBudget) async throws -> HTTPRequest
  ) async throws -> HTTPResponse {
    while true {
      try Task.checkCancellation()
      let request = try await build(&budget)
      try rule.check(request.url, for: task.operation)
      let failure: ACMEError
      switch try await attempt(request, task) {
      case .success(let response): return response
      case .failure(let error): failure = error
      }
      if failure.problem?.type == .badNonce, request.method == .post {
        guard budget.takeNonce() else { throw failure }
        continue
      }
      // A rate limit without a time may last a week, and retries only extend it.
      guard failure.isRetryable, failure.code != .rateLimited || failure.retryAfter != nil,
        task.repeatsLostAnswers || !failure.mayHaveBeenProcessed
      else { throw failure }
      try await pause(after: failure, budget: &budget)
    }
  }

  /// Waits before the next attempt; throws the failure if the budget is used up.
  func pause(after failure: ACMEError, budget: inout RetryBudget) async throws {
    let need = failure.retryAfter.map { clock.duration(until: $0).inSeconds }
    guard let delay = budget.takeAttempt(need: need) else { throw failure }
    logger.debug("retrying in \(delay): \(failure)")
    try await clock.sleep(delay)
  }

  private func attempt(
    _ request: HTTPRequest, _ task: RequestContext
  ) async throws -> Result<HTTPResponse, ACMEError> {
    do {
      let response = try await http.send(request)
      logger.debug("\(request.method.rawValue) \(request.url): \(response.status)")
      nonces.add(response.header("Replay-Nonce"))
      if (200..<300).contains(response.status) { return .success(response) }
      return .failure(ErrorAnswer.error(for: response, task, now: clock.now()))
    } catch let error as HostError {
      logger.debug("\(request.method.rawValue) \(request.url): \(error)")
      var failure = ACMEError(
        error.isRetryable ? .unavailable : .connection, task.operation, subject: task.subject,
        underlying: error, hint: error.hint, isRetryable: error.isRetryable)
      failure.mayHaveBeenProcessed = !Self.unsent.contains(error.code)
      return .failure(failure)
    } catch let error where !(error is CancellationError) {
      // Another HTTP client may throw any error.
      var failure = ACMEError(
        .connection, task.operation, subject: task.subject, underlying: error)
      failure.mayHaveBeenProcessed = true
      return .failure(failure)
    }
  }

  /// The failures after which the CA cannot have received the request.
  private static let unsent: Set<HostError.Code> = [
    .resolveFailed, .connectFailed, .requestNotSent, .tlsFailed, .unsupportedURL,
    .invalidRequest, .badCABundle, .missingLibrary,
  ]

  /// Decodes a JSON response.
  func decode<Value: Decodable>(
    _ type: Value.Type, from response: HTTPResponse, _ task: RequestContext
  ) throws(ACMEError) -> Value {
    if let value = JSON.decode(type, from: response.body) { return value }
    throw ACMEError(
      .unexpectedAnswer, task.operation, subject: task.subject, status: response.status,
      detail: "unexpected response: " + ErrorAnswer.summary(of: response))
  }

  /// Returns the absolute URL in the Location header of a response.
  func location(of response: HTTPResponse, _ task: RequestContext) throws(ACMEError) -> String {
    let base = response.url.isEmpty ? directoryURL : response.url
    if let location = response.header("Location"),
      let url = URLPolicy.resolve(location, against: base)
    {
      return url
    }
    throw ACMEError(
      .unexpectedAnswer, task.operation, subject: task.subject, status: response.status,
      detail: "the response has no usable Location header")
  }

  /// Runs requests to URLs of the directory; runs them again if a cached directory was stale.
  func withDirectory<Value>(
    _ body: (Directory) async throws -> Value
  ) async throws -> Value {
    let directory = try await directory()
    do {
      return try await body(directory)
    } catch let error as ACMEError
      where [404, 405, 410].contains(error.status) && forgetStaleDirectory()
    {
      let fresh = try await refreshedDirectory()
      guard fresh != directory else { throw error }
      return try await body(fresh)
    }
  }
}
