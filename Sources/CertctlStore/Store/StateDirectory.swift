package import CertctlBase
import CertctlCore
package import CertctlSystem

/// The directory that holds certctl's state (ARCHITECTURE.md, "Files on disk").
package struct StateDirectory: Sendable {
  /// The absolute path.
  package let path: String

  /// Creates a reference to the state directory at `path`, without touching the disk.
  package init(path: String) { self.path = path }

  func create() throws {
    try folder("").create(FileAttributes(mode: 0o711))
    if SystemAccount.isRoot { try requireTrust() }
  }

  package var live: DurableFolder { folder("live") }
  package var lineages: DurableFolder { folder("lineages") }
  package var journal: DurableFolder { folder("journal") }
  var directoryCache: DurableFolder { folder("cache/directories") }
  var locks: DurableFolder { folder("cache/locks") }

  package func archive(_ name: LineageName) -> DurableFolder { folder("archive/\(name)") }
  func pending(_ name: LineageName) -> DurableFolder { folder("pending/\(name)") }
  func accounts(of authority: String) -> DurableFolder { folder("accounts/\(authority)") }

  package func folder(_ relative: String) -> DurableFolder {
    DurableFolder(path: relative.isEmpty ? path : "\(path)/\(relative)", root: path)
  }

  /// Removes half-written files of a lineage after a crash; the caller holds its lock.
  ///
  /// Nothing reads leftovers, so errors are ignored. In folders that lineages share, another
  /// process may be writing files; there, only those of this lineage are removed.
  func sweep(_ name: LineageName) {
    try? archive(name).sweepTemporaries()
    for path in ["", "/rsa"] { try? folder("pending/\(name)\(path)").sweepTemporaries() }
    for folder in [live, folder("archive"), folder("pending")] {
      try? folder.sweepTemporaries(of: name.value)
    }
    for folder in [lineages, journal] { try? folder.sweepTemporaries(of: "\(name).json") }
  }

  func sweepAccounts(of authority: String) {
    try? folder("accounts").sweepTemporaries(of: authority)
    let accounts = accounts(of: authority)
    try? accounts.sweepTemporaries()
    for id in (try? accounts.entries()) ?? [] { try? accounts.folder(id).sweepTemporaries() }
  }

  /// The attributes of folders that servers traverse to reach a certificate.
  package static let passable = FileAttributes(mode: 0o711)
  /// The attributes of folders that only certctl uses.
  package static let closed = FileAttributes(mode: 0o700)
  /// The attributes of files that only certctl uses.
  package static let closedFile = FileAttributes(mode: 0o600)

  /// Acquires the lock with this name.
  ///
  /// - Throws: `CertctlError` with code `locked` if another process holds it.
  package func lock(_ name: String, wait: Duration, clock: WallClock) async throws -> FileLock {
    let locks = locks
    try await Blocking.run {
      try create()
      try folder("cache").create(Self.closed)
      try locks.create(Self.closed)
    }
    do {
      return try await FileLock.acquire(
        path: "\(locks.path)/\(name).lock", wait: wait, clock: clock)
    } catch let error as HostError where error.code == .lockHeld {
      throw CertctlError(
        .locked, error.description,
        hint: error.hint ?? "wait until it has finished, or set a longer --lock-timeout",
        isRetryable: true)
    }
  }

  /// Describes the process that holds the lock with this name.
  package func holder(of name: String) -> String {
    guard let holder = FileLock.holder("\(locks.path)/\(name).lock") else {
      return "another certctl"
    }
    return "process \(holder.pid) (\(holder.command))"
  }
}
