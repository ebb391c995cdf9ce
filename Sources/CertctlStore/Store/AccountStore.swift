import ACME
import CertctlBase
import CertctlCore
package import CertctlCrypto
import CertctlSystem
package import FoundationEssentials

/// An account as it lies on disk: `accounts/<ca>/<id>/account.json`, beside its key.
package struct AccountRecord: Codable, Sendable, Equatable {
  static let formatVersion = 1

  var version = AccountRecord.formatVersion
  /// The local id: random, since neither the account's URL nor its thumbprint is known or stable
  /// when it is made.
  package let id: String
  /// The directory URL of its CA.
  package let directory: String
  /// The account's URL at the CA; nil until the CA has answered the registration.
  package var url: String?
  /// The contact URLs that the CA was given.
  package var contacts: [String]
  /// Whether the user agreed to the terms that `termsOfService` names.
  package var termsAgreed: Bool
  /// The URL of the terms that were agreed to.
  package var termsOfService: String?
  /// The key identifier of the external account that it is bound to.
  package var externalAccount: String?
  /// When it was made here.
  package let created: Date
  /// When it was deactivated; such an account is never used again.
  package var deactivated: Date?

  package init(
    version: Int = AccountRecord.formatVersion, id: String, directory: String, url: String? = nil,
    contacts: [String], termsAgreed: Bool, termsOfService: String? = nil,
    externalAccount: String? = nil, created: Date, deactivated: Date? = nil
  ) {
    self.version = version
    self.id = id
    self.directory = directory
    self.url = url
    self.contacts = contacts
    self.termsAgreed = termsAgreed
    self.termsOfService = termsOfService
    self.externalAccount = externalAccount
    self.created = created
    self.deactivated = deactivated
  }
}

/// An account record and its keys.
package struct StoredAccount: Sendable {
  package var record: AccountRecord
  package let key: PrivateKey
  /// The key of a rollover whose outcome is not known: the CA has the one or the other.
  package let nextKey: PrivateKey?

  package init(record: AccountRecord, key: PrivateKey, nextKey: PrivateKey?) {
    self.record = record
    self.key = key
    self.nextKey = nextKey
  }
}

/// The accounts on disk.
///
/// A key is durable before the CA hears of it, so that no crash can lose an account: registering
/// the same key again gives the same account (RFC 8555, section 7.3.1).
package struct AccountStore: Sendable {
  package let state: StateDirectory

  /// The accounts of a state directory.
  package init(state: StateDirectory) { self.state = state }

  /// The folder for the accounts of a directory URL: its host and a short hash of the whole.
  package static func authorityFolder(for directory: String) throws -> String {
    let host = try URLParts(directory).host
    let safe = host.map {
      $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "." || $0 == "-") ? $0 : "_"
    }
    let hash = Digest.sha256(Array(directory.utf8)).prefix(4).hexadecimal
    return String(String(safe).drop { $0 == "." }) + "-" + hash
  }

  func account(for directory: String) throws -> StoredAccount? {
    let authority = try Self.authorityFolder(for: directory)
    for id in try ids(authority) {
      let account = try load(authority, id)
      if account.record.deactivated == nil { return account }
    }
    return nil
  }

  func account(_ id: String, for directory: String) throws -> StoredAccount? {
    let authority = try Self.authorityFolder(for: directory)
    return try ids(authority).contains(id) ? load(authority, id) : nil
  }

  func all() throws -> [StoredAccount] {
    try state.folder("accounts").entries().filter { !$0.hasPrefix(".") }.sorted()
      .flatMap { authority in try ids(authority).map { try load(authority, $0) } }
  }

  func create(_ record: AccountRecord, key: PrivateKey) throws -> StoredAccount {
    let authority = try Self.authorityFolder(for: record.directory)
    try state.create()
    try state.folder("accounts").create(StateDirectory.closed)
    let accounts = state.accounts(of: authority)
    try accounts.create(StateDirectory.closed)
    let temporary = state.folder("accounts/\(authority)/.tmp-\(record.id)")
    try temporary.create(StateDirectory.closed)
    try temporary.write("key.pem", key.pemRepresentation(), StateDirectory.closedFile)
    try file(in: temporary).write(record)
    try accounts.rename(".tmp-\(record.id)", to: record.id)
    return StoredAccount(record: record, key: key, nextKey: nil)
  }

  func save(_ record: AccountRecord) throws {
    try file(in: folder(of: record)).write(record)
  }

  func saveNextKey(_ key: PrivateKey, of record: AccountRecord) throws {
    try folder(of: record).write(
      "key-next.pem", key.pemRepresentation(), StateDirectory.closedFile)
  }

  func adoptNextKey(of record: AccountRecord) throws {
    try folder(of: record).rename("key-next.pem", to: "key.pem")
  }

  func dropNextKey(of record: AccountRecord) throws {
    try folder(of: record).remove("key-next.pem")
  }

  private func ids(_ authority: String) throws -> [String] {
    try state.accounts(of: authority).entries().filter { !$0.hasPrefix(".") }.sorted()
  }

  private func folder(of record: AccountRecord) throws -> DurableFolder {
    let authority = try Self.authorityFolder(for: record.directory)
    return state.folder("accounts/\(authority)/\(record.id)")
  }

  private func file(in folder: DurableFolder) -> StateFile<AccountRecord> {
    StateFile(folder: folder, name: "account.json", version: AccountRecord.formatVersion)
  }

  private func load(_ authority: String, _ id: String) throws -> StoredAccount {
    let folder = state.folder("accounts/\(authority)/\(id)")
    guard let record = try file(in: folder).read(), let key = try folder.read("key.pem") else {
      throw CertctlError(
        .damagedState, "the account in \(folder.path) lacks account.json or key.pem",
        hint: "restore it from a backup, or move the folder away to register anew")
    }
    do {
      return StoredAccount(
        record: record, key: try PrivateKey(pem: key),
        nextKey: try folder.read("key-next.pem").map { try PrivateKey(pem: $0) })
    } catch let error as CryptoError {
      throw CertctlError(
        .damagedState, "a key in \(folder.path) is damaged: \(error)",
        hint: "restore it from a backup, or move the folder away to register anew")
    }
  }
}

extension Sequence where Element == UInt8 {
  /// The bytes as lower-case hexadecimal digits.
  package var hexadecimal: String {
    var text = ""
    for byte in self {
      text += byte < 16 ? "0" : ""
      text += String(byte, radix: 16)
    }
    return text
  }
}
