import CertctlBase
package import CertctlCore
package import CertctlCrypto
package import CertctlSystem

// The interface of the stores for other targets. File calls block, so each function runs its
// synchronous twin, which is internal to this target, on a thread that may wait.

extension LineageStore {
  /// Returns the lineage; nil if it does not exist.
  package func lineage(_ name: LineageName) async throws -> Lineage? {
    try await Blocking.run { try lineage(name) }
  }

  /// Returns the names of all lineages, sorted.
  package func names() async throws -> [LineageName] {
    try await Blocking.run { try names() }
  }

  /// Stores the lineage.
  package func save(_ lineage: Lineage) async throws {
    try await Blocking.run { try save(lineage) }
  }

  /// Removes the lineage.
  package func remove(_ name: LineageName) async throws {
    try await Blocking.run { try remove(name) }
  }
}

extension AccountStore {
  /// Returns the account in use at a CA: the first active one by id; nil if there is none.
  package func account(for directory: String) async throws -> StoredAccount? {
    try await Blocking.run { try account(for: directory) }
  }

  /// Returns the account with this local id at a CA; nil if it does not exist.
  package func account(_ id: String, for directory: String) async throws -> StoredAccount? {
    try await Blocking.run { try account(id, for: directory) }
  }

  /// Returns all accounts, sorted by CA and id.
  package func all() async throws -> [StoredAccount] {
    try await Blocking.run { try all() }
  }

  /// Creates an account's folder, with its key, in one step.
  package func create(_ record: AccountRecord, key: PrivateKey) async throws -> StoredAccount {
    try await Blocking.run { try create(record, key: key) }
  }

  /// Replaces the record of an account.
  package func save(_ record: AccountRecord) async throws {
    try await Blocking.run { try save(record) }
  }

  /// Stores the new key of a rollover next to the current one, before it is sent to the CA.
  package func saveNextKey(_ key: PrivateKey, of record: AccountRecord) async throws {
    try await Blocking.run { try saveNextKey(key, of: record) }
  }

  /// Completes a rollover that the CA accepted: the new key replaces the current one.
  package func adoptNextKey(of record: AccountRecord) async throws {
    try await Blocking.run { try adoptNextKey(of: record) }
  }

  /// Ends a rollover that the CA rejected: the new key is removed.
  package func dropNextKey(of record: AccountRecord) async throws {
    try await Blocking.run { try dropNextKey(of: record) }
  }
}

extension PendingStore {
  /// Returns the lineage's order in progress; nil if there is none.
  package func order(of name: LineageName) async throws -> PendingOrder? {
    try await Blocking.run { try order(of: name) }
  }

  /// Returns whether anything is stored for an order, even if only a key.
  package func hasFolder(of name: LineageName) async throws -> Bool {
    try await Blocking.run { try state.folder("pending").attributes(of: name.value) != nil }
  }

  /// Records a newly placed order and removes any earlier one.
  package func begin(_ order: PendingOrder, of name: LineageName) async throws {
    try await Blocking.run { try begin(order, of: name) }
  }

  /// Returns the key and CSR of an order that was finalized or about to be.
  ///
  /// - Parameters:
  ///   - name: The lineage.
  ///   - needsKey: Whether to ignore a CSR without its key; false for a CSR from the user.
  /// - Returns: The key and CSR; nil if none is stored yet.
  /// - Throws: `CertctlError` with code `damagedState`, `HostError`.
  package func request(
    of name: LineageName, needsKey: Bool = true
  ) async throws -> (key: PrivateKey?, request: CertificateRequest)? {
    try await Blocking.run { try request(of: name, needsKey: needsKey) }
  }

  /// Stores the CSR, and the key if certctl generated it, before the order is finalized.
  package func keep(
    _ key: PrivateKey?, _ request: CertificateRequest, of name: LineageName
  ) async throws {
    try await Blocking.run { try keep(key, request, of: name) }
  }

  /// Removes an order that was completed or abandoned.
  ///
  /// Removing the main order also removes that of the RSA certificate.
  package func discard(_ name: LineageName) async throws {
    try await Blocking.run { try discard(name) }
  }
}

extension ChallengeJournal {
  /// Returns the challenges of a lineage that may still be visible, oldest run first.
  package func groups(of name: LineageName) async throws -> [Group] {
    try await Blocking.run { try groups(of: name) }
  }

  /// Records challenges that are about to be presented; those of earlier runs stay.
  package func record(
    _ challenges: [PresentedChallenge], by dns: DNSSettings? = nil, of name: LineageName
  ) async throws {
    try await Blocking.run { try record(challenges, by: dns, of: name) }
  }

  /// Removes the challenges that were recorded last, after their clean-up.
  package func clear(_ name: LineageName) async throws {
    try await Blocking.run { try clear(name) }
  }

  /// Replaces all recorded challenges.
  package func keep(_ groups: [Group], of name: LineageName) async throws {
    try await Blocking.run { try keep(groups, of: name) }
  }
}

extension StateFile {
  /// Returns the contents of the file; nil if it does not exist.
  package func read() async throws -> Content? {
    try await Blocking.run { try read() }
  }

  /// Replaces the contents of the file, creating it if needed.
  package func write(_ content: Content) async throws {
    try await Blocking.run { try write(content) }
  }
}

extension StateDirectory {
  /// Creates the directory itself with mode 0711, so that servers can follow the links in `live`.
  ///
  /// - Throws: `CertctlError` with code `configuration` if another user created it first,
  ///   `HostError` if it cannot be created.
  package func create() async throws {
    try await Blocking.run { try create() }
  }

  /// Removes half-written files of a lineage after a crash; the caller holds its lock.
  package func sweep(_ name: LineageName) async {
    try? await Blocking.run { sweep(name) }
  }

  /// Removes half-written account files of a CA after a crash; the caller holds its lock.
  package func sweepAccounts(of authority: String) async {
    try? await Blocking.run { sweepAccounts(of: authority) }
  }

  /// Refuses a state directory that another user owns or can write.
  ///
  /// - Parameter command: The command with its arguments, for the hint.
  /// - Throws: `CertctlError` with code `configuration`.
  package func requireTrust(command: [String] = []) async throws {
    try await Blocking.run { try requireTrust(command: command) }
  }

  /// Replaces a file in `cache` without syncing it, because nothing depends on it.
  ///
  /// - Throws: `CertctlError` or `HostError` if it cannot be written.
  package func cache(_ name: String, _ bytes: [UInt8]) async throws {
    try await Blocking.run {
      try create()
      try folder("cache").create(Self.closed)
      try folder("cache").writeScratch(name, bytes, mode: 0o600)
    }
  }

  /// Returns the names of the files in a folder, unsorted; none if it does not exist.
  package func entries(_ relative: String) async throws -> [String] {
    try await Blocking.run { try folder(relative).entries() }
  }

  /// A folder with one entry per lineage.
  package enum LineageFolder: Sendable {
    /// The lineage files: `<name>.json`.
    case lineages
    /// The links to the generations in use: `<name>`.
    case live
  }

  /// Returns the stamps of all entries of a folder, by name.
  package func stamps(of folder: LineageFolder) async throws -> [String: FileStamp] {
    try await Blocking.run {
      switch folder {
      case .lineages: try lineages.stamps()
      case .live: try live.stamps()
      }
    }
  }

  /// Returns the names of lineages for which a run left an order or challenges.
  package func unfinishedNames() async throws -> Set<String> {
    try await Blocking.run {
      Set(
        try folder("pending").entries()
          + journal.entries().map { $0.hasSuffix(".json") ? String($0.dropLast(5)) : $0 })
    }
  }
}
