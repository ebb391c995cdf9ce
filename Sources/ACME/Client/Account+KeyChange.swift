public import CertctlCrypto

extension Account {
  /// Gives the account another key (RFC 8555 section 7.3.5); the old one is worthless afterwards.
  ///
  /// Keep the new key on disk before calling. When the answer is lost, the CA is asked which of
  /// the two keys it knows, the new one first, so that on return the account has the new key, and
  /// on an error the old one; only an error with `isRetryable` leaves that open.
  public func changeKey(to newKey: PrivateKey) async throws -> Account {
    let operation = "change the key of the account"
    let task = RequestContext(operation, url, repeatsLostAnswers: false)
    var budget = RetryBudget(client.policy)
    while true {
      do {
        try await client.withDirectory { directory in
          guard let target = directory.keyChange else {
            throw ACMEError(
              .unsupported, operation, subject: url, detail: "this CA does not offer it",
              hint: "Register a new account with the new key instead.")
          }
          _ = try await client.post(
            try keyChange(to: newKey, at: target), to: target, by: signer, task, budget: &budget)
        }
        return Account(url: url, key: newKey, client: client)
      } catch let error as ACMEError {
        if try await isDone(newKey, after: error, operation) {
          return Account(url: url, key: newKey, client: client)
        }
        guard error.isRetryable, error.mayHaveBeenProcessed else { throw error }
        try await client.pause(after: error, budget: &budget)
      }
    }
  }

  /// Whether the CA knows the account by the new key already, after a failure that leaves it open.
  private func isDone(
    _ newKey: PrivateKey, after error: ACMEError, _ operation: String
  ) async throws -> Bool {
    // 409: some account has the new key. Ours, if an earlier answer was lost.
    let isConflict = error.status == 409
    guard isConflict || error.mayHaveBeenProcessed else { return false }
    if let found = try await lookUp(newKey) {
      if found.url == url { return true }
      throw ACMEError(
        .keyInUse, operation, subject: url, problem: error.problem, status: error.status,
        detail: "the new key belongs to another account, \(found.url)",
        hint: "Make another new key.")
    }
    if isConflict { throw error }
    guard let old = try await lookUp(key), old.url == url else {
      throw ACMEError(
        .accountDoesNotExist, operation, subject: url,
        detail: "the CA knows neither the old nor the new key", underlying: error)
    }
    return false
  }

  /// The account of a key; a failure to find out leaves the rollover open, whatever its cause.
  private func lookUp(_ key: PrivateKey) async throws -> Account? {
    do {
      return try await client.findAccount(key: key)
    } catch var error as ACMEError {
      error.isRetryable = true
      throw error
    }
  }

  /// The inner JWS: the new key's own consent, without a nonce.
  private func keyChange(to newKey: PrivateKey, at target: String) throws(ACMEError) -> [UInt8] {
    let payload =
      #"{"account":\#(JSON.quote(url)),"oldKey":\#(try KeyUse.jwk(key.publicKey).json)}"#
    return try JWS.sign(
      [UInt8](payload.utf8), url: target, nonce: nil, by: Signer(key: newKey))
  }
}
