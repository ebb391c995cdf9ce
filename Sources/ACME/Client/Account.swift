public import CertctlCrypto

/// An account at a CA, with the requests that it signs.
///
/// A value of a URL and a key; creating one sends nothing (``ACMEClient/account(url:key:)``).
/// Every method throws ``ACMEError``, or `CancellationError` if the task was cancelled.
public struct Account: Sendable {
  /// The account's URL: the `kid` of signed requests.
  public let url: String
  /// The account's key.
  public let key: PrivateKey

  let client: ACMEClient

  init(url: String, key: PrivateKey, client: ACMEClient) {
    self.url = url
    self.key = key
    self.client = client
  }

  var signer: Signer { Signer(key: key, accountURL: url) }

  /// Reads the account from the CA.
  public func resource() async throws -> AccountResource {
    let task = RequestContext("read the account", url)
    let response = try await client.read(url, by: signer, task)
    return try client.decode(AccountResource.self, from: response, task)
  }

  /// Replaces the contacts; an empty list removes them.
  ///
  /// Many CAs store no contacts and return none.
  public func update(contacts: [String]) async throws -> AccountResource {
    let task = RequestContext("change the contacts of the account", url)
    let urls = try NewAccount.contactURLs(contacts).map(JSON.quote).joined(separator: ",")
    return try await send(#"{"contact":[\#(urls)]}"#, task)
  }

  /// Agrees to the CA's changed terms of service (RFC 8555 section 7.3.3).
  public func agreeToTerms() async throws -> AccountResource {
    let task = RequestContext("agree to the terms of service for the account", url)
    return try await send(#"{"termsOfServiceAgreed":true}"#, task)
  }

  /// Deactivates the account permanently (RFC 8555 section 7.3.6).
  ///
  /// Its certificates stay valid.
  public func deactivate() async throws {
    let task = RequestContext(
      "deactivate the account", url, repeatsLostAnswers: false)
    var budget = RetryBudget(client.policy)
    var lost = false
    while true {
      do {
        _ = try await client.post(
          [UInt8](#"{"status":"deactivated"}"#.utf8), to: url, by: signer, task, budget: &budget)
        return
      } catch let error as ACMEError {
        // A deactivated account cannot sign, so the lost request succeeded.
        let isGone = [.unauthorized, .accountDoesNotExist].contains(error.problem?.type)
        if lost, isGone { return }
        guard error.isRetryable, error.mayHaveBeenProcessed else { throw error }
        lost = true
        try await client.pause(after: error, budget: &budget)
      }
    }
  }

  private func send(_ payload: String, _ task: RequestContext) async throws -> AccountResource {
    let response = try await client.post([UInt8](payload.utf8), to: url, by: signer, task)
    return try client.decode(AccountResource.self, from: response, task)
  }
}
