import CertctlBase
package import CertctlCore
package import CertctlCrypto
package import CertctlSystem

// What layers above see of the stores. Files are read, written and synced by calls that block, so each of
// these runs its twin of the same name, which only this target sees, on a thread that may wait.

extension LineageStore {
  /// The lineage, or nil when there is none of that name.
  package func lineage(_ name: LineageName) async throws -> Lineage? {
    try await Blocking.run { try lineage(name) }
  }

  /// The names of all lineages, sorted.
  package func names() async throws -> [LineageName] {
    try await Blocking.run { try names() }
  }

  /// Stores the lineage.
  package func save(_ lineage: Lineage) async throws {
    try await Blocking.run { try save(lineage) }
  }

  /// Forgets the lineage.
  package func remove(_ name: LineageName) async throws {
    try await Blocking.run { try remove(name) }
  }
}

extension AccountStore {
  /// The account in use at a CA: the first by id that is not deactivated; nil when there is none.
  package func account(for directory: String) async throws -> StoredAccount? {
    try await Blocking.run { try account(for: directory) }
  }

  /// The account of this local id at a CA; nil when there is none.
  package func account(_ id: String, for directory: String) async throws -> StoredAccount? {
    try await Blocking.run { try account(id, for: directory) }
  }

  /// All accounts, by CA and id.
  package func all() async throws -> [StoredAccount] {
    try await Blocking.run { try all() }
  }

  /// Makes an account's folder with its key; it is complete or not there.
  package func create(_ record: AccountRecord, key: PrivateKey) async throws -> StoredAccount {
    try await Blocking.run { try create(record, key: key) }
  }

  /// Replaces an account's record.
  package func save(_ record: AccountRecord) async throws {
    try await Blocking.run { try save(record) }
  }

  /// Writes the key of a rollover beside the key in use, before the CA is asked.
  package func saveNextKey(_ key: PrivateKey, of record: AccountRecord) async throws {
    try await Blocking.run { try saveNextKey(key, of: record) }
  }

  /// Ends a rollover that the CA accepted: the next key becomes the key.
  package func adoptNextKey(of record: AccountRecord) async throws {
    try await Blocking.run { try adoptNextKey(of: record) }
  }

  /// Ends a rollover that the CA did not accept: the next key goes.
  package func dropNextKey(of record: AccountRecord) async throws {
    try await Blocking.run { try dropNextKey(of: record) }
  }
}

extension PendingStore {
  /// The lineage's order under way; nil when there is none.
  package func order(of name: LineageName) async throws -> PendingOrder? {
    try await Blocking.run { try order(of: name) }
  }

  /// Whether anything is kept for an order, be it only a key.
  package func hasFolder(of name: LineageName) async throws -> Bool {
    try await Blocking.run { try state.folder("pending").attributes(of: name.value) != nil }
  }

  /// Records an order that was just placed, in place of any other.
  package func begin(_ order: PendingOrder, of name: LineageName) async throws {
    try await Blocking.run { try begin(order, of: name) }
  }

  /// The key and CSR of an order that was finalized, or was about to be.
  ///
  /// - Parameters:
  ///   - name: The lineage.
  ///   - needsKey: Whether a CSR without its key is worth nothing; not so for one of the user's own.
  /// - Returns: Nil when nothing was kept yet.
  /// - Throws: `CertctlError` with code `damagedState`, `HostError`.
  package func request(
    of name: LineageName, needsKey: Bool = true
  ) async throws -> (key: PrivateKey?, request: CertificateRequest)? {
    try await Blocking.run { try request(of: name, needsKey: needsKey) }
  }

  /// Keeps the key, if it is ours, and the CSR, before the CA sees them.
  package func keep(
    _ key: PrivateKey?, _ request: CertificateRequest, of name: LineageName
  ) async throws {
    try await Blocking.run { try keep(key, request, of: name) }
  }

  /// Forgets the order, and the main one with it that of the RSA certificate: it became a
  /// certificate, or never will.
  package func discard(_ name: LineageName) async throws {
    try await Blocking.run { try discard(name) }
  }
}

extension ChallengeJournal {
  /// What may still be visible of a lineage's challenges, the oldest first.
  package func groups(of name: LineageName) async throws -> [Group] {
    try await Blocking.run { try groups(of: name) }
  }

  /// Records what is about to be presented; what earlier runs left stays.
  package func record(
    _ challenges: [PresentedChallenge], by dns: DNSSettings? = nil, of name: LineageName
  ) async throws {
    try await Blocking.run { try record(challenges, by: dns, of: name) }
  }

  /// Forgets what was recorded last: it was cleaned up.
  package func clear(_ name: LineageName) async throws {
    try await Blocking.run { try clear(name) }
  }

  /// Leaves only these.
  package func keep(_ groups: [Group], of name: LineageName) async throws {
    try await Blocking.run { try keep(groups, of: name) }
  }
}

extension StateFile {
  /// The file's content, or nil when there is no such file.
  package func read() async throws -> Content? {
    try await Blocking.run { try read() }
  }

  /// Replaces the file's content, or makes the file.
  package func write(_ content: Content) async throws {
    try await Blocking.run { try write(content) }
  }
}

extension StateDirectory {
  /// Makes the directory itself, 0711 so that servers can follow the links in `live`.
  ///
  /// - Throws: `CertctlError` with code `configuration` for one that somebody else was faster to make,
  ///   `HostError` when it cannot be made.
  package func create() async throws {
    try await Blocking.run { try create() }
  }

  /// Removes what crashes left half-written of a lineage, whose lock the caller holds.
  package func sweep(_ name: LineageName) async {
    try? await Blocking.run { sweep(name) }
  }

  /// Removes what crashes left half-written of the accounts of a CA, whose lock the caller holds.
  package func sweepAccounts(of authority: String) async {
    try? await Blocking.run { sweepAccounts(of: authority) }
  }

  /// Refuses a state directory that somebody else owns or can write.
  ///
  /// - Parameter command: The command that was given, with its arguments, for the hint.
  /// - Throws: `CertctlError` with code `configuration`.
  package func requireTrust(command: [String] = []) async throws {
    try await Blocking.run { try requireTrust(command: command) }
  }

  /// Replaces a file of `cache` that nobody misses: it is not synced.
  ///
  /// - Throws: `CertctlError` or `HostError` when it cannot be written.
  package func cache(_ name: String, _ bytes: [UInt8]) async throws {
    try await Blocking.run {
      try create()
      try folder("cache").create(Self.closed)
      try folder("cache").writeScratch(name, bytes, mode: 0o600)
    }
  }

  /// The names of the files in a folder, unsorted; none where there is no folder.
  package func entries(_ relative: String) async throws -> [String] {
    try await Blocking.run { try folder(relative).entries() }
  }

  /// A folder with an entry for each lineage.
  package enum LineageFolder: Sendable {
    /// What is wanted of each: `<name>.json`.
    case lineages
    /// What is in use of each: `<name>`.
    case live
  }

  /// The stamps of all entries of such a folder, by name.
  package func stamps(of folder: LineageFolder) async throws -> [String: FileStamp] {
    try await Blocking.run {
      switch folder {
      case .lineages: try lineages.stamps()
      case .live: try live.stamps()
      }
    }
  }

  /// The names of lineages of which a run left an order or challenges.
  package func unfinishedNames() async throws -> Set<String> {
    try await Blocking.run {
      Set(
        try folder("pending").entries()
          + journal.entries().map { $0.hasSuffix(".json") ? String($0.dropLast(5)) : $0 })
    }
  }
}
