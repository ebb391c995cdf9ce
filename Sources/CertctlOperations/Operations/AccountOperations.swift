import ACME
import CertctlBase
import CertctlCore
package import CertctlCrypto
package import CertctlIssuing
import CertctlStore
import CertctlSystem

/// An operation that registers an account, or an existing one again with the same key.
package struct RegisterAccountOperation: Operation {
  package var authority: String
  package var caBundle: String?
  package var registration: Registration
  package var keyType: KeyType

  /// Creates the operation for a CA, given by preset name or directory URL.
  package init(
    authority: String, caBundle: String? = nil, registration: Registration,
    keyType: KeyType = .ec256
  ) {
    self.authority = authority
    self.caBundle = caBundle
    self.registration = registration
    self.keyType = keyType
  }

  package func run(in context: Context) async throws -> AccountReport {
    let desk = AccountDesk(context: context)
    return try await desk.onAccount(authority, caBundle, keyType) { keeper in
      let (record, account) = try await keeper.registerAgain(desk.completed(registration))
      await desk.note("accountRegistered", record)
      return try desk.report(record, account.key, status: "valid")
    }
  }
}

/// An operation that lists the accounts on this host, without contacting a CA.
package struct ListAccountsOperation: Operation {
  package init() {}

  package func run(in context: Context) async throws -> [AccountReport] {
    let desk = AccountDesk(context: context)
    return try await context.accounts.all().map { stored in
      try desk.report(
        stored.record, stored.key,
        status: stored.record.deactivated != nil
          ? "deactivated" : stored.record.url == nil ? "unregistered" : "valid")
    }
  }
}

/// An operation that shows the account in use at a CA, with its status there.
package struct ShowAccountOperation: Operation {
  package var authority: String
  package var caBundle: String?

  package init(authority: String, caBundle: String? = nil) {
    self.authority = authority
    self.caBundle = caBundle
  }

  package func run(in context: Context) async throws -> AccountReport {
    let desk = AccountDesk(context: context)
    return try await desk.onAccount(authority, caBundle) { keeper in
      let (record, account) = try await keeper.existingAccount()
      let resource = try await account.resource()
      return try desk.report(
        record, account.key, status: resource.status.rawValue)
    }
  }
}

/// An operation that replaces the contacts of the account in use.
package struct UpdateAccountOperation: Operation {
  package var authority: String
  package var caBundle: String?
  package var emails: [String]

  package init(authority: String, caBundle: String? = nil, emails: [String]) {
    self.authority = authority
    self.caBundle = caBundle
    self.emails = emails
  }

  package func run(in context: Context) async throws -> AccountReport {
    let desk = AccountDesk(context: context)
    let contacts = try Registration(emails: emails).contacts()
    return try await desk.onAccount(authority, caBundle) { keeper in
      var (record, account) = try await keeper.existingAccount()
      _ = try await account.update(contacts: contacts)
      record.contacts = contacts
      try await keeper.save(record)
      await desk.note("accountUpdated", record)
      return try desk.report(record, account.key, status: "valid")
    }
  }
}

/// An operation that changes the key of the account in use.
package struct RollOverAccountOperation: Operation {
  package var authority: String
  package var caBundle: String?
  package var keyType: KeyType

  package init(authority: String, caBundle: String? = nil, keyType: KeyType = .ec256) {
    self.authority = authority
    self.caBundle = caBundle
    self.keyType = keyType
  }

  package func run(in context: Context) async throws -> AccountReport {
    let desk = AccountDesk(context: context)
    return try await desk.onAccount(authority, caBundle) { keeper in
      let (record, account) = try await keeper.rollOver(to: keyType)
      await desk.note("accountRolledOver", record)
      return try desk.report(record, account.key, status: "valid")
    }
  }
}

/// An operation that permanently deactivates the account in use, at the CA and locally.
package struct DeactivateAccountOperation: Operation {
  package var authority: String
  package var caBundle: String?
  /// Whether to deactivate it only locally, because the CA no longer knows it.
  package var locally: Bool

  package init(authority: String, caBundle: String? = nil, locally: Bool = false) {
    self.authority = authority
    self.caBundle = caBundle
    self.locally = locally
  }

  package func run(in context: Context) async throws -> AccountReport {
    let desk = AccountDesk(context: context)
    return try await desk.onAccount(authority, caBundle) { keeper in
      let (known, key) = try await deactivated(keeper, in: context)
      var record = known
      record.deactivated = context.environment.clock.now()
      try await keeper.save(record)
      await desk.note("accountDeactivated", record)
      return try desk.report(record, key, status: "deactivated")
    }
  }

  private func deactivated(
    _ keeper: AccountRegistrar, in context: Context
  ) async throws -> (AccountRecord, PrivateKey) {
    if locally {
      guard
        let stored = try await context.accounts.account(for: keeper.directory)
      else {
        throw CertctlError(
          .notFound, "no account for \(keeper.directory) on this host")
      }
      return (stored.record, stored.key)
    }
    let (record, account) = try await keeper.existingAccount()
    try await account.deactivate()
    return (record, account.key)
  }
}
