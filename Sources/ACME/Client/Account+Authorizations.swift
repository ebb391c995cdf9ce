internal import CertctlCrypto

extension Account {
  /// Reads the authorization at a URL (RFC 8555 section 7.5).
  public func authorization(at url: String) async throws -> Authorization {
    let task = RequestContext("read the authorization", url)
    let response = try await client.read(url, by: signer, task)
    return try client.decode(Authorization.self, from: response, task).located(at: url)
  }

  /// Creates an authorization without an order (RFC 8555 section 7.4.1); few CAs support it.
  public func newAuthorization(for identifier: Identifier) async throws -> Authorization {
    let task = RequestContext("request an authorization for", identifier.value)
    return try await client.withDirectory { directory in
      guard let target = directory.newAuthz else {
        throw ACMEError(
          .unsupported, task.operation, subject: identifier.value,
          detail: "this CA offers authorizations only with an order")
      }
      let payload = try JSON.encode(["identifier": identifier], task.operation)
      let response = try await client.post(payload, to: target, by: signer, task)
      return try client.decode(Authorization.self, from: response, task)
        .located(at: try client.location(of: response, task))
    }
  }

  /// Deactivates an authorization (RFC 8555 section 7.5.2), so that it no longer counts as pending.
  public func deactivateAuthorization(at url: String) async throws {
    let task = RequestContext("deactivate the authorization", url)
    do {
      _ = try await client.post(
        [UInt8](#"{"status":"deactivated"}"#.utf8), to: url, by: signer, task)
    } catch let error as ACMEError where error.problem?.type == .malformed {
      // It failed, expired, or was deactivated by an earlier request whose response was lost.
      let current = try await authorization(at: url)
      if [.pending, .valid].contains(current.status) { throw error }
    }
  }

  /// Notifies the CA that a challenge is ready for validation (RFC 8555 section 7.5.1).
  ///
  /// A CA may count every notification as an attempt, so this method sends it once. If the response
  /// is lost, it reads the authorization and sends the notification again only if the challenge is
  /// still pending.
  public func respond(to challenge: Challenge) async throws {
    let task = RequestContext(
      "respond to the \(challenge.type) challenge", challenge.url, repeatsLostAnswers: false)
    var budget = RetryBudget(client.policy)
    var lost = false
    while true {
      do {
        _ = try await client.post(
          [UInt8]("{}".utf8), to: challenge.url, by: signer, task, budget: &budget)
        return
      } catch let error as ACMEError {
        // Conflict: the validation is already running.
        if error.status == 409 { return }
        // Some CAs report a challenge as pending for a while after they have accepted it.
        if lost, error.problem?.type == .malformed, try await !isUntouched(challenge) { return }
        guard error.isRetryable, error.mayHaveBeenProcessed else { throw error }
        lost = true
        try await client.pause(after: error, budget: &budget)
        if try await !isUntouched(challenge) { return }
      }
    }
  }

  private func isUntouched(_ challenge: Challenge) async throws -> Bool {
    guard !challenge.authorizationURL.isEmpty else {
      let task = RequestContext("read the challenge", challenge.url)
      let response = try await client.read(challenge.url, by: signer, task)
      return try client.decode(Challenge.self, from: response, task).status == .pending
    }
    let current = try await authorization(at: challenge.authorizationURL)
    guard current.status == .pending else { return false }
    let same = current.challenges.first { $0.url == challenge.url }
    return same?.status == .pending
  }

  /// Waits until the CA has validated the names of an order.
  ///
  /// An order with an invalid authorization becomes invalid (RFC 8555 section 7.1.6), but some CAs
  /// leave it pending forever. This method therefore reads the authorizations too: after ten
  /// seconds, then each time the elapsed time has tripled. That takes one request per name.
  ///
  /// - Parameters:
  ///   - order: The order; its challenges have been responded to.
  ///   - timeout: The total time to wait.
  /// - Returns: The order, neither pending nor invalid.
  /// - Throws: The error from ``failure(of:)`` if names could not be validated; ``ACMEError`` with
  ///   ``ACMEError/Code/orderPending`` after the timeout.
  public func waitForValidation(of order: Order, timeout: Duration) async throws -> Order {
    var nextLook = Duration.seconds(10)
    let settled = try await waitForOrder(
      at: order.url, whileIn: [.pending], timeout: timeout
    ) { elapsed in
      guard elapsed >= nextLook else { return }
      nextLook = elapsed * 3
      if let failure = try await validationFailure(of: order) { throw failure }
    }
    if settled.status == .invalid { throw try await failure(of: settled) }
    return settled
  }

  /// Reads the authorizations of a failed order and returns their problems as one error.
  ///
  /// Takes one request per name; call it only for an order that is `invalid`.
  public func failure(of order: Order) async throws -> ACMEError {
    if let failure = try await validationFailure(of: order) { return failure }
    return order.failure
      ?? ACMEError(
        .orderInvalid, "get a certificate for", subject: order.names, problem: order.error,
        detail: "the order is \(order.status)")
  }

  /// Returns the problems of the names that failed as one error; `nil` if none failed.
  private func validationFailure(of order: Order) async throws -> ACMEError? {
    var failed: [Authorization] = []
    for url in order.authorizations {
      let current = try await authorization(at: url)
      if current.error != nil { failed.append(current) }
    }
    guard var first = failed.first?.error else { return nil }
    let identifiers = failed.map { Identifier(type: $0.identifier.type, value: $0.name) }
    first.identifiers = identifiers
    guard failed.count > 1 else { return first }
    let subproblems = failed.map { authorization in
      var problem = authorization.failure ?? Problem(type: "about:blank", detail: "no reason given")
      problem.identifier = Identifier(
        type: authorization.identifier.type, value: authorization.name)
      return problem
    }
    let joined = Problem(
      type: .compound, detail: "\(failed.count) names failed",
      subproblems: subproblems)
    var error = ACMEError(
      .authorizationInvalid, "validate", subject: order.names, problem: joined, hint: joined.hint)
    error.identifiers = identifiers
    return error
  }
}
