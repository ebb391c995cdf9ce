import ACME
import CertctlBase
public import PKI

extension Manager {
  /// Registers an account, or brings the one that is there back to the CA's mind.
  public func registerAccount(
    authority: String, caBundle: String? = nil, registration: Registration,
    keyType: KeyType = .ec256
  ) async throws -> AccountReport {
    try await onAccount(authority, caBundle, keyType) { keeper in
      let (record, account) = try await keeper.registerAgain(completed(registration))
      await note("accountRegistered", record)
      return try report(record, account.key, status: "valid")
    }
  }

  /// The accounts on this machine, without asking any CA.
  public func listAccounts() async throws -> [AccountReport] {
    do {
      return try await Blocking.run {
        try accounts.all().map { stored in
          try report(
            stored.record, stored.key,
            status: stored.record.deactivated != nil
              ? "deactivated" : stored.record.url == nil ? "unregistered" : "valid")
        }
      }
    } catch {
      throw CertctlError(wrapping: error)
    }
  }

  /// The account in use at a CA, with the status and contacts that the CA has of it.
  public func showAccount(authority: String, caBundle: String? = nil) async throws -> AccountReport
  {
    try await onAccount(authority, caBundle) { keeper in
      let (record, account) = try await keeper.existingAccount()
      let resource = try await account.resource()
      return try report(
        record, account.key, status: escapedForTerminal(resource.status.rawValue))
    }
  }

  /// Replaces the contacts of the account in use.
  public func updateAccount(
    authority: String, caBundle: String? = nil, emails: [String]
  ) async throws -> AccountReport {
    let contacts = try Registration(emails: emails).contacts()
    return try await onAccount(authority, caBundle) { keeper in
      var (record, account) = try await keeper.existingAccount()
      _ = try await account.update(contacts: contacts)
      record.contacts = contacts
      try await keeper.save(record)
      await note("accountUpdated", record)
      return try report(record, account.key, status: "valid")
    }
  }

  /// Gives the account in use a new key.
  public func rollOverAccount(
    authority: String, caBundle: String? = nil, keyType: KeyType = .ec256
  ) async throws -> AccountReport {
    try await onAccount(authority, caBundle) { keeper in
      let (record, account) = try await keeper.rollOver(to: keyType)
      await note("accountRolledOver", record)
      return try report(record, account.key, status: "valid")
    }
  }

  /// Deactivates the account in use, at the CA and here, for good.
  ///
  /// With `locally` it is only forgotten here, because the CA no longer knows it.
  public func deactivateAccount(
    authority: String, caBundle: String? = nil, locally: Bool = false
  ) async throws -> AccountReport {
    try await onAccount(authority, caBundle) { keeper in
      let (known, key) = try await deactivated(keeper, locally: locally)
      var record = known
      record.deactivated = services.clock.now()
      try await keeper.save(record)
      await note("accountDeactivated", record)
      return try report(record, key, status: "deactivated")
    }
  }

  private func deactivated(
    _ keeper: AccountKeeper, locally: Bool
  ) async throws -> (AccountRecord, PrivateKey) {
    if locally {
      guard let stored = try await Blocking.run({ try accounts.account(for: keeper.directory) })
      else {
        throw CertctlError(
          .notFound, "there is no account for \(keeper.directory) on this machine")
      }
      return (stored.record, stored.key)
    }
    let (record, account) = try await keeper.existingAccount()
    try await account.deactivate()
    return (record, account.key)
  }

  private func onAccount<T: Sendable>(
    _ authority: String, _ caBundle: String?, _ keyType: KeyType = .ec256,
    _ body: (AccountKeeper) async throws -> T
  ) async throws -> T {
    do {
      let directory = try CertificateAuthority.named(authority).directory(for: .ec256)
      return try await body(
        keeper(
          client: try client(
            directory: directory, caBundle: caBundle ?? defaults.settings.caBundle),
          directory: directory, keyType: keyType))
    } catch let error as CancellationError {
      throw error
    } catch {
      throw CertctlError(wrapping: error)
    }
  }

  private func note(_ event: String, _ record: AccountRecord) async {
    await events.append(
      Event(time: services.clock.now(), event: event, authority: record.directory))
  }

  private func report(
    _ record: AccountRecord, _ key: PrivateKey, status: String
  ) throws -> AccountReport {
    AccountReport(
      id: record.id, directory: record.directory, url: record.url, status: status,
      contacts: record.contacts, keyType: key.type?.rawValue,
      thumbprint: try key.publicKey.thumbprint, externalAccount: record.externalAccount,
      created: record.created)
  }
}
