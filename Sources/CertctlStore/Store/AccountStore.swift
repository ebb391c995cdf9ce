import ACME
import CertctlBase
import CertctlCore
package import CertctlCrypto
import CertctlSystem
package import FoundationEssentials

/// An account on disk: `accounts/<ca>/<id>/account.json`, next to its key.
package struct AccountRecord: Codable, Sendable, Equatable {
  static let formatVersion = 1

  var version = AccountRecord.formatVersion
  /// The local id.
  ///
  /// It is random: the URL is not known at creation, and the thumbprint changes with the key.
  package let id: String
  /// The directory URL of its CA.
  package let directory: String
  /// The account's URL at the CA; nil until the CA confirms the registration.
  package var url: String?
  /// The contact URLs sent to the CA.
  package var contacts: [String]
  /// Whether the user agreed to the terms at `termsOfService`.
  package var termsAgreed: Bool
  /// The URL of the accepted terms.
  package var termsOfService: String?
  /// The key identifier of the external account that it is bound to.
  package var externalAccount: String?
  /// When it was created on this host.
  package let created: Date
  /// When it was deactivated; a deactivated account is never used again.
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

/// An account record with its keys.
package struct StoredAccount: Sendable {
  package var record: AccountRecord
  package let key: PrivateKey
  /// The new key of a rollover with unknown outcome: the CA has either key.
  package let nextKey: PrivateKey?

  package init(record: AccountRecord, key: PrivateKey, nextKey: PrivateKey?) {
    self.record = record
    self.key = key
    self.nextKey = nextKey
  }
}

/// The accounts on disk.
///
/// A key is durable before it is sent to the CA, so no crash can lose an account: registering the
/// same key again returns the same account (RFC 8555, section 7.3.1).
package struct AccountStore: Sendable {
  package let state: StateDirectory

  /// Creates the store of a state directory.
  package init(state: StateDirectory) { self.state = state }

  /// Returns the folder name for a directory URL: its host and a short hash of the URL.
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
        .damagedState,
        "cannot load the account in \(folder.path): account.json or key.pem is missing",
        hint: "restore it from a backup, or move the directory away to register again")
    }
    do {
      return StoredAccount(
        record: record, key: try PrivateKey(pem: key),
        nextKey: try folder.read("key-next.pem").map { try PrivateKey(pem: $0) })
    } catch let error as CryptoError {
      throw CertctlError(
        .damagedState, "a key in \(folder.path) is damaged: \(error)",
        hint: "restore it from a backup, or move the directory away to register again")
    }
  }
}

extension Sequence where Element == UInt8 {
  /// The bytes in lower-case hexadecimal.
  package var hexadecimal: String {
    var text = ""
    for byte in self {
      text += byte < 16 ? "0" : ""
      text += String(byte, radix: 16)
    }
    return text
  }
}
