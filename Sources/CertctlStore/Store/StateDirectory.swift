package import CertctlBase
import CertctlCore
package import CertctlSystem

/// The state directory: where everything that certctl remembers lies (ARCHITECTURE.md, "Files on disk").
package struct StateDirectory: Sendable {
  /// Its absolute path.
  package let path: String

  /// The state directory at `path`; nothing is made yet.
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

  /// Removes what crashes left half-written of a lineage, whose lock the caller holds.
  ///
  /// Nobody reads leftovers, so that one that cannot be removed is no reason to stop. Folders that
  /// lineages share may hold the work of another process: there only this lineage's go.
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

  /// Attributes of the folders that servers pass through on the way to a certificate.
  package static let passable = FileAttributes(mode: 0o711)
  /// Attributes of the folders that are certctl's own business.
  package static let closed = FileAttributes(mode: 0o700)
  /// Attributes of the files that are certctl's own business.
  package static let closedFile = FileAttributes(mode: 0o600)

  /// Takes the lock of this name, or throws `CertctlError` with code `locked`.
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
        hint: error.hint ?? "wait for it to end, or give a longer --lock-timeout",
        isRetryable: true)
    }
  }

  /// Who holds the lock of this name, in words.
  package func holder(of name: String) -> String {
    guard let holder = FileLock.holder("\(locks.path)/\(name).lock") else {
      return "another certctl"
    }
    return "process \(holder.pid) (\(holder.command))"
  }
}
