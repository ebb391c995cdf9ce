public import CertctlCrypto

extension Account {
  /// Replaces the account's key (RFC 8555 section 7.3.5); the old key is useless afterwards.
  ///
  /// Store the new key before calling. If the response is lost, this method looks up both keys at
  /// the CA, the new one first. If it returns, the account has the new key. If it throws, the
  /// account has the old one, or either of them if the error has `isRetryable`.
  public func changeKey(to newKey: PrivateKey) async throws -> Account {
    let operation = "change the key of the account"
    let task = RequestContext(operation, url, repeatsLostAnswers: false)
    var budget = RetryBudget(client.policy)
    while true {
      do {
        try await client.withDirectory { directory in
          guard let target = directory.keyChange else {
            throw ACMEError(
              .unsupported, operation, subject: url, detail: "this CA does not support key changes",
              hint: "register a new account with the new key instead")
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

  /// Returns whether the account already has the new key, after an inconclusive failure.
  private func isDone(
    _ newKey: PrivateKey, after error: ACMEError, _ operation: String
  ) async throws -> Bool {
    // 409: an account already has the new key. It is this one if an earlier response was lost.
    let isConflict = error.status == 409
    guard isConflict || error.mayHaveBeenProcessed else { return false }
    if let found = try await lookUp(newKey) {
      if found.url == url { return true }
      throw ACMEError(
        .keyInUse, operation, subject: url, problem: error.problem, status: error.status,
        detail: "the new key belongs to another account, \(found.url)",
        hint: "generate another new key")
    }
    if isConflict { throw error }
    guard let old = try await lookUp(key), old.url == url else {
      throw ACMEError(
        .accountDoesNotExist, operation, subject: url,
        detail: "the CA knows neither the old nor the new key", underlying: error)
    }
    return false
  }

  /// Returns the account of a key; makes every error retryable, because the outcome is unknown.
  private func lookUp(_ key: PrivateKey) async throws -> Account? {
    do {
      return try await client.findAccount(key: key)
    } catch var error as ACMEError {
      error.isRetryable = true
      throw error
    }
  }

  /// Returns the inner JWS, which the new key signs; it has no nonce.
  private func keyChange(to newKey: PrivateKey, at target: String) throws(ACMEError) -> [UInt8] {
    let payload =
      #"{"account":\#(JSON.quote(url)),"oldKey":\#(try KeyUse.jwk(key.publicKey).json)}"#
    return try JWS.sign(
      [UInt8](payload.utf8), url: target, nonce: nil, by: Signer(key: newKey))
  }
}
