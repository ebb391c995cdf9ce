package import ACME
package import CertctlBase
import CertctlCore
package import CertctlCrypto
package import CertctlStore
import CertctlSystem
import FoundationEssentials

/// The registrar of the account in use at one CA.
package struct AccountRegistrar: Sendable {
  package let client: ACMEClient
  package let directory: String
  package let keyType: KeyType
  package let store: AccountStore
  package let clock: WallClock
  package let lockTimeout: Duration

  package init(
    client: ACMEClient, directory: String, keyType: KeyType, store: AccountStore, clock: WallClock,
    lockTimeout: Duration
  ) {
    self.client = client
    self.directory = directory
    self.keyType = keyType
    self.store = store
    self.clock = clock
    self.lockTimeout = lockTimeout
  }

  /// Returns the account in use, registering it first if needed.
  package func account(_ registration: Registration) async throws -> (AccountRecord, Account) {
    try await locked {
      if let stored = try await store.account(for: directory) {
        if let url = stored.record.url, stored.nextKey == nil {
          return (stored.record, client.account(url: url, key: stored.key))
        }
        if let settled = try await settleRollover(stored) { return settled }
        return try await register(stored, registration)
      }
      return try await register(try await makeAccount(registration), registration)
    }
  }

  /// Returns the account in use, without registering one.
  ///
  /// - Throws: `CertctlError` with code `notFound` if there is none.
  package func existingAccount() async throws -> (AccountRecord, Account) {
    try await locked { try await loadExisting() }
  }

  /// Registers an account, with the existing key if there is one.
  ///
  /// The CA returns the same account for the same key, or recreates an account that it lost.
  package func registerAgain(_ registration: Registration) async throws -> (AccountRecord, Account)
  {
    try await locked {
      var stored = try await store.account(for: directory)
      if let known = stored, known.nextKey != nil, let settled = try await settleRollover(known) {
        stored = StoredAccount(record: settled.0, key: settled.1.key, nextKey: nil)
      }
      let account =
        if let stored { stored } else { try await makeAccount(registration) }
      return try await register(account, registration)
    }
  }

  /// Replaces the account's key at the CA and on disk (RFC 8555, section 7.3.5).
  ///
  /// The new key is durable before it is sent to the CA. A crash or a lost response leaves both
  /// keys, and the next use asks the CA which one it knows.
  package func rollOver(to type: KeyType) async throws -> (AccountRecord, Account) {
    try await locked {
      let (record, account) = try await loadExisting()
      let newKey = try await PrivateKey.generating(type)
      try await store.saveNextKey(newKey, of: record)
      let changed: Account
      do {
        changed = try await account.changeKey(to: newKey)
      } catch let error as ACMEError where !error.isRetryable {
        // The CA rejected the new key, so the old one stays; other errors leave this open.
        try await store.dropNextKey(of: record)
        throw error
      }
      try await store.adoptNextKey(of: record)
      return (record, changed)
    }
  }

  /// Stores a changed record.
  package func save(_ record: AccountRecord) async throws {
    try await store.save(record)
  }

  private func loadExisting() async throws -> (AccountRecord, Account) {
    guard let stored = try await store.account(for: directory) else {
      throw CertctlError(
        .notFound, "no account for \(directory) on this host",
        hint: "run: certctl account register --ca \(directory) --agree-tos")
    }
    if stored.nextKey != nil, let settled = try await settleRollover(stored) { return settled }
    guard let url = stored.record.url else {
      throw CertctlError(
        .notFound, "the account registration with \(directory) is incomplete",
        hint: "run: certctl account register --ca \(directory) --agree-tos")
    }
    return (stored.record, client.account(url: url, key: stored.key))
  }

  /// Determines which of two keys the CA has; nil if no rollover was in progress.
  private func settleRollover(_ stored: StoredAccount) async throws -> (AccountRecord, Account)? {
    guard let nextKey = stored.nextKey else { return nil }
    var record = stored.record
    if let account = try await client.findAccount(key: nextKey) {
      record.url = account.url
      try await store.adoptNextKey(of: record)
      try await store.save(record)
      return (record, account)
    }
    guard let account = try await client.findAccount(key: stored.key) else {
      throw CertctlError(
        .authority,
        "cannot use the account \(stored.record.id): \(directory) knows neither of its keys",
        hint: "to remove the account from this machine, run: certctl account deactivate "
          + "--ca \(directory) --local")
    }
    record.url = account.url
    try await store.dropNextKey(of: record)
    try await store.save(record)
    return (record, account)
  }

  private func makeAccount(_ registration: Registration) async throws -> StoredAccount {
    let contacts = try registration.contacts()
    // Ask before the key is generated, so that a refusal leaves nothing behind.
    let terms = try await agreedTerms(registration)
    let record = AccountRecord(
      id: Self.randomID(), directory: directory, contacts: contacts,
      termsAgreed: terms != nil, termsOfService: terms ?? nil, created: clock.now())
    return try await store.create(record, key: try await PrivateKey.generating(keyType))
  }

  private func register(
    _ stored: StoredAccount, _ registration: Registration
  ) async throws -> (AccountRecord, Account) {
    var record = stored.record
    if !record.termsAgreed, let terms = try await agreedTerms(registration) {
      record.termsAgreed = true
      record.termsOfService = terms
    }
    if !registration.emails.isEmpty { record.contacts = try registration.contacts() }
    let external = try await externalAccount(registration)
    let account: Account
    do {
      account = try await client.register(
        key: stored.key,
        NewAccount(
          contacts: record.contacts, termsOfServiceAgreed: record.termsAgreed,
          externalAccount: external))
    } catch let error as ACMEError
      where external != nil && error.problem?.type == .unauthorized
    {
      throw CertctlError(wrapping: error).advising(
        "compare --eab-kid and the key in --eab-hmac-key-file with those on the CA's website")
    }
    record.url = account.url
    if let external { record.externalAccount = external.keyID }
    if stored.record.url != nil, record.contacts != stored.record.contacts {
      // A CA that knows the key returns the account unchanged (RFC 8555, section 7.3.1).
      _ = try await account.update(contacts: record.contacts)
    }
    try await save(record)
    return (record, account)
  }

  /// Returns the given external account, or the configured one if the CA requires one.
  private func externalAccount(_ registration: Registration) async throws -> ExternalAccount? {
    if let given = registration.externalAccount { return given }
    guard let configured = registration.configuredAccount,
      try await client.directory().externalAccountRequired
    else { return nil }
    return try await configured()
  }

  /// Returns the URL of the accepted terms; `.some(nil)` if the CA has none.
  private func agreedTerms(_ registration: Registration) async throws -> String?? {
    guard let url = try await client.directory().termsOfService else { return .some(nil) }
    switch registration.terms {
    case .agreed: return url
    case .ask(let ask):
      if await ask(url) { return url }
    case .notAgreed: break
    }
    throw CertctlError(
      .termsNotAgreed,
      "cannot register with \(directory): you have not agreed to its terms of service: \(url)",
      hint: "read them, then use --agree-tos")
  }

  private func locked<T: Sendable>(_ body: () async throws -> T) async throws -> T {
    let folder = try AccountStore.authorityFolder(for: directory)
    let lock = try await store.state.lock("account-\(folder)", wait: lockTimeout, clock: clock)
    defer { lock.release() }
    await store.state.sweepAccounts(of: folder)
    return try await body()
  }

  private static func randomID() -> String {
    (0..<6).map { _ in UInt8.random(in: .min ... .max) }.hexadecimal
  }
}
