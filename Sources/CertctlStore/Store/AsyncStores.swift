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

extension CertificateStore {
  /// Writes a new generation, and checks it as a server would use it.
  ///
  /// The first one is in use from then on. A later one is a candidate: servers use the one before it
  /// until they were made to use this one. When the newest generation is this very certificate,
  /// left by a run that was cut short, there is no second copy of it.
  package func commit(
    _ certificate: IssuedCertificate, to name: LineageName, files: FileSettings
  ) async throws -> Generation {
    try await Blocking.run { try commit(certificate, to: name, files: files) }
  }

  /// The generation that the lineage is to use: its candidate, else the one in use; nil when there
  /// is none.
  package func chosenGeneration(
    _ name: LineageName, _ lineage: Lineage?
  ) async throws -> Generation? {
    try await Blocking.run { try chosenGeneration(name, lineage) }
  }

  /// Points `live/<name>` at a generation, by one rename.
  package func use(_ generation: Generation, of name: LineageName) async throws {
    try await Blocking.run { try use(generation, of: name) }
  }

  /// The generation in use; nil when there is none.
  package func liveGeneration(_ name: LineageName) async throws -> Generation? {
    try await Blocking.run { try liveGeneration(name) }
  }

  /// All generations, oldest first.
  package func generations(_ name: LineageName) async throws -> [Generation] {
    try await Blocking.run { try generations(name) }
  }

  /// A generation's chain and key.
  package func load(
    _ generation: Generation, of name: LineageName
  ) async throws -> IssuedCertificate {
    try await Blocking.run { try load(generation, of: name) }
  }

  /// Whether a generation's key is here; it is not when the user made the request.
  package func hasKey(_ generation: Generation, of name: LineageName) async throws -> Bool {
    try await Blocking.run { try hasKey(generation, of: name) }
  }

  /// A generation's chain, without touching its key.
  package func loadChain(
    _ generation: Generation, of name: LineageName
  ) async throws -> [Certificate] {
    try await Blocking.run { try loadChain(generation, of: name) }
  }

  /// A generation's leaf, and that of the RSA certificate beside it, without touching their keys.
  package func loadLeaves(
    _ generation: Generation, of name: LineageName
  ) async throws -> [Certificate] {
    try await Blocking.run { try loadLeaves(generation, of: name) }
  }

  /// What the lineage is to use; nil when there is none.
  package func chosen(
    _ name: LineageName, _ lineage: Lineage?
  ) async throws -> IssuedCertificate? {
    try await Blocking.run {
      try chosenGeneration(name, lineage).map { try load($0, of: name) }
    }
  }

  /// Whether servers find something below the lineage's name.
  package func isLinked(_ name: LineageName) async throws -> Bool {
    try await Blocking.run { try state.live.linkTarget(name.value) != nil }
  }

  /// The names below which servers find something, unsorted; what somebody else put there under a
  /// name that we would not give is not ours.
  package func linkedNames() async throws -> [LineageName] {
    try await Blocking.run {
      try state.live.entries().filter { !$0.hasPrefix(".") }.compactMap { try? LineageName($0) }
    }
  }

  /// The leaves of what is in use, as ``loadLeaves(_:of:)`` reads them; none when nothing is.
  package func leavesInUse(_ name: LineageName) async throws -> [Certificate] {
    try await Blocking.run {
      try liveGeneration(name).map { try loadLeaves($0, of: name) } ?? []
    }
  }

  /// Removes a lineage's certificates: the link first, so that nothing in use loses its key.
  package func remove(_ name: LineageName) async throws {
    try await Blocking.run { try remove(name) }
  }

  /// Removes the generations that nobody will go back to.
  ///
  /// The one in use stays, and so does all that is newer: a candidate that could not be deployed, or
  /// what a rollback left behind. Each folder first gets a temporary name, so that a crash leaves none
  /// half-empty.
  ///
  /// - Parameters:
  ///   - name: The lineage, whose lock the caller holds.
  ///   - count: How many stay of those up to the one in use, itself included.
  ///   - spared: The fingerprints of leaves, in hexadecimal, whose generations stay all the same.
  /// - Returns: Those that are gone, oldest first.
  /// - Throws: `CertctlError` or `HostError` when one cannot be removed; those before it are gone.
  @discardableResult
  package func prune(
    _ name: LineageName, keeping count: Int, sparing spared: Set<String>
  ) async throws -> [Generation] {
    try await Blocking.run { try prune(name, keeping: count, sparing: spared) }
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
