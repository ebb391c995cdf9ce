internal import CertctlBase
public import CertctlCrypto
public import FoundationEssentials
internal import Logging

extension Account {
  /// Places an order (RFC 8555 section 7.4).
  ///
  /// Refuses a profile that the directory does not list, because CAs without profiles silently
  /// ignore it. Sends `replaces` only if the CA offers renewal information, and retries without it
  /// if the CA refuses it.
  public func newOrder(_ order: NewOrder) async throws -> Order {
    let task = RequestContext("place an order for", Self.names(order.identifiers))
    try await checkProfile(order.profile, task)
    return try await client.withDirectory { directory in
      let replaces = directory.renewalInfo == nil ? nil : order.replaces
      do {
        return try await place(order, replaces: replaces, at: directory.newOrder, task)
      } catch let error as ACMEError where replaces != nil && error.mayBlameReplaces {
        client.logger.info(
          "retrying the order without replaces \(order.replaces?.rawValue ?? ""): \(error)")
        return try await place(order, replaces: nil, at: directory.newOrder, task)
      }
    }
  }

  /// Reads the order at a URL.
  public func order(at url: String) async throws -> Order {
    let task = RequestContext("read the order", url)
    return try order(in: try await client.read(url, by: signer, task), at: url, task)
  }

  /// Reads an order until it leaves the given states.
  ///
  /// The first request comes after 0.25 seconds. Each further pause is 1.5 times as long, at most
  /// five seconds. The CA's Retry-After is a lower bound for each pause.
  ///
  /// - Parameters:
  ///   - url: The URL of the order.
  ///   - states: The states to wait in, such as `[.pending]`.
  ///   - timeout: The total time to wait.
  ///   - notBefore: The earliest time of the first request: the known order's ``Order/retryAfter``.
  /// - Returns: The order in any other state, including `invalid`: see ``Order/failure``.
  /// - Throws: ``ACMEError`` with ``ACMEError/Code/orderPending`` after the timeout, or immediately
  ///   if the CA's Retry-After exceeds it.
  public func waitForOrder(
    at url: String, whileIn states: Set<OrderStatus>, timeout: Duration, notBefore: Date? = nil
  ) async throws -> Order {
    try await waitForOrder(at: url, whileIn: states, timeout: timeout, notBefore: notBefore) { _ in
    }
  }

  /// Reads an order until it leaves the given states.
  ///
  /// Calls `afterLook` with the elapsed time after each request that found the order in them.
  func waitForOrder(
    at url: String, whileIn states: Set<OrderStatus>, timeout: Duration, notBefore: Date? = nil,
    afterLook: (Duration) async throws -> Void
  ) async throws -> Order {
    let start = ContinuousClock.now
    var waited = 0.0
    var pause = 0.25
    var bound = notBefore
    while true {
      // The clock may be set while this waits. So waits are added up, and a Retry-After is
      // converted to a duration immediately.
      let wait = max(pause, bound.map { client.clock.duration(until: $0).inSeconds } ?? 0)
      let elapsed = max(waited, (ContinuousClock.now - start).inSeconds)
      guard elapsed + wait <= timeout.inSeconds else {
        throw Self.pending(url, states, retryAfter: bound)
      }
      try await client.clock.sleep(.seconds(wait))
      waited += wait
      let current = try await order(at: url)
      guard states.contains(current.status) else { return current }
      try await afterLook(.seconds(max(waited, (ContinuousClock.now - start).inSeconds)))
      bound = current.retryAfter
      pause = min(pause * 1.5, 5)
    }
  }

  /// Sends the CSR (RFC 8555 section 7.4).
  ///
  /// If the response is lost, or the CA reports that the order is not ready, this method reads the
  /// order again, because its state may have changed.
  ///
  /// - Returns: The order, `processing` or `valid`.
  public func finalize(_ order: Order, request: CertificateRequest) async throws -> Order {
    let task = RequestContext("finalize the order for", order.names, repeatsLostAnswers: false)
    let payload = [UInt8](#"{"csr":"\#(Base64URL.encode(request.der))"}"#.utf8)
    var budget = RetryBudget(client.policy)
    while true {
      do {
        let response = try await client.post(
          payload, to: order.finalize, by: signer, task, budget: &budget)
        guard let answer = try? self.order(in: response, at: order.url, task) else {
          return try await self.order(at: order.url)
        }
        return answer
      } catch let error as ACMEError {
        let isEarly = error.problem?.type == .orderNotReady
        guard isEarly || (error.isRetryable && error.mayHaveBeenProcessed) else { throw error }
        if !isEarly { try await client.pause(after: error, budget: &budget) }
        let current = try await self.order(at: order.url)
        if let failure = current.failure { throw failure }
        if [.processing, .valid].contains(current.status) { return current }
        guard current.status == .ready else { throw error }
        if isEarly { try await client.pause(after: error, budget: &budget) }
      }
    }
  }

  private func place(
    _ order: NewOrder, replaces: CertificateID?, at url: String, _ task: RequestContext
  ) async throws -> Order {
    let document = NewOrderDocument(
      identifiers: order.identifiers, profile: order.profile,
      notBefore: order.notBefore.map { Timestamp.rfc3339($0) },
      notAfter: order.notAfter.map { Timestamp.rfc3339($0) }, replaces: replaces?.rawValue)
    let payload = try JSON.encode(document, task.operation)
    let response = try await client.post(payload, to: url, by: signer, task)
    return try self.order(in: response, at: try client.location(of: response, task), task)
  }

  private func order(
    in response: HTTPResponse, at url: String, _ task: RequestContext
  ) throws(ACMEError) -> Order {
    try client.decode(OrderDocument.self, from: response, task).order(
      at: url,
      retryAfter: RetryAfter.instant(response.header("Retry-After"), now: client.clock.now()))
  }

  private func checkProfile(_ profile: String?, _ task: RequestContext) async throws {
    guard let profile else { return }
    let known = try await client.knownDirectory()
    if known.directory.profiles[profile] != nil { return }
    var directory = known.directory
    // The cached directory may be older than the profile.
    if !known.isFresh { directory = try await client.refreshedDirectory() }
    guard directory.profiles[profile] == nil else { return }
    let names = directory.profiles.keys.sorted().joined(separator: ", ")
    throw ACMEError(
      .unknownProfile, task.operation, subject: task.subject,
      detail: "the CA has no profile \"\(profile.shortened(to: 100))\"",
      hint: names.isEmpty
        ? "leave out the profile: this CA offers none"
        : "use one of: \(names.shortened(to: 500))")
  }

  private static func names(_ identifiers: [Identifier]) -> String {
    let shown = identifiers.prefix(5).map(\.value).joined(separator: ", ")
    return identifiers.count > 5 ? shown + " and \(identifiers.count - 5) more" : shown
  }

  private static func pending(
    _ url: String, _ states: Set<OrderStatus>, retryAfter: Date?
  ) -> ACMEError {
    let words = states.map(\.rawValue).sorted().joined(separator: " or ")
    return ACMEError(
      .orderPending, "complete the order", subject: url,
      detail: "still \(words) at the CA",
      hint: "try again later to resume the order",
      retryAfter: retryAfter, isRetryable: true)
  }
}

extension Order {
  /// The error of a failed order; `nil` in every other state.
  public var failure: ACMEError? {
    guard status == .invalid else { return nil }
    return ACMEError(
      .orderInvalid, "get a certificate for", subject: names, problem: error,
      detail: "the order failed", hint: error?.hint)
  }
}

extension ACMEError {
  /// Whether the CA may accept the refused order without `replaces` (RFC 9773 section 5).
  fileprivate var mayBlameReplaces: Bool {
    if status == 409 || status == 404 { return true }
    return [.alreadyReplaced, .malformed, .notFound, .conflict].contains(problem?.type)
  }
}

/// The payload of a newOrder request.
private struct NewOrderDocument: Encodable {
  var identifiers: [Identifier]
  var profile: String?
  var notBefore: String?
  var notAfter: String?
  var replaces: String?
}
