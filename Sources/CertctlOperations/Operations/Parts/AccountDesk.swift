import ACME
import CertctlBase
import CertctlCore
import CertctlCrypto
import CertctlIssuing
import CertctlStore
import CertctlSystem

/// The shared parts of the operations on accounts.
struct AccountDesk: ContextPart {
  let context: Context

  func onAccount<T: Sendable>(
    _ authority: String, _ caBundle: String?, _ keyType: KeyType = .ec256,
    _ body: (AccountRegistrar) async throws -> T
  ) async throws -> T {
    let directory = try CertificateAuthority.named(authority).directory(for: .ec256)
    return try await body(
      keeper(
        client: try context.client(
          directory: directory, caBundle: caBundle ?? context.defaults.settings.caBundle),
        directory: directory, keyType: keyType))
  }

  func note(_ event: String, _ record: AccountRecord) async {
    await events.append(
      Event(time: environment.clock.now(), event: event, authority: record.directory))
  }

  func report(
    _ record: AccountRecord, _ key: PrivateKey, status: String
  ) throws -> AccountReport {
    AccountReport(
      id: record.id, directory: record.directory, url: record.url, status: status,
      contacts: record.contacts, keyType: key.type?.rawValue,
      thumbprint: try key.publicKey.thumbprint, externalAccount: record.externalAccount,
      created: record.created)
  }

  func keeper(
    client: ACMEClient, directory: String, keyType: KeyType = .ec256
  ) -> AccountRegistrar {
    AccountRegistrar(
      client: client, directory: directory, keyType: keyType, store: accounts,
      clock: environment.clock, lockTimeout: context.lockTimeout)
  }

  /// Returns the registration, completed with the defaults of the configuration file.
  func completed(_ registration: Registration) -> Registration {
    var registration = registration
    if registration.emails.isEmpty { registration.emails = context.defaults.emails }
    if case .notAgreed = registration.terms, context.defaults.agreesToTerms {
      registration.terms = .agreed
    }
    if let keyID = context.defaults.externalKeyID, let secret = context.defaults.externalKey {
      let configDirectory = context.configDirectory
      let warn = console.warn
      registration.configuredAccount = {
        let key = try await secret.read(configDirectory: configDirectory, warn: warn)
        return try ExternalAccount(keyID: keyID, encodedKey: key)
      }
    }
    return registration
  }
}
