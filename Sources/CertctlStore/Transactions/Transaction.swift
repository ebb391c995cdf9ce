import CertctlCore
import CertctlCrypto
import CertctlSystem
import FoundationEssentials

/// A change of several files and links that is applied completely or not at all.
///
/// The old contents are kept in `transactions/<id>/` from the first change until ``finish()``. If
/// certctl dies in between, the next run restores them. Synchronous calls block. The caller holds
/// the deployment lock.
package struct Transaction: Sendable {
  /// The record of a transaction on disk.
  package struct Record: Codable, Sendable, Equatable {
    static let formatVersion = 1

    var version = Record.formatVersion
    /// When the transaction began.
    let date: Date
    /// The changed paths, in the order of the changes.
    let entries: [Entry]
    /// The nginx instances that load the new files, and must reload the old ones after an undo.
    package let servers: [ServerReference]
  }

  /// One changed path.
  struct Entry: Codable, Sendable, Equatable {
    let path: String
    let before: PathState
    let after: PathState
  }

  /// A reference to an nginx instance, by which a later run finds it.
  package struct ServerReference: Codable, Sendable, Hashable {
    /// The container that it runs in; nil for this host.
    package var container: String?
    /// The path of the nginx program.
    package var executable: String
    /// The options that the program was started with.
    package var options: [String]

    package init(container: String? = nil, executable: String, options: [String]) {
      self.container = container
      self.executable = executable
      self.options = options
    }
  }

  let state: StateDirectory
  let id: String
  package let record: Record

  private static let recordName = "record.json"
  /// The maximum size of a file in bytes; configuration files and keys are small.
  static let sizeLimit = 16 << 20

  private var folder: DurableFolder { state.folder("transactions/\(id)") }

  // MARK: - Beginning

  /// Stores the old contents of all paths that will change, before any of them changes.
  ///
  /// - Throws: `CertctlError` or `HostError`; nothing is left behind then.
  static func begin(
    _ changes: [FileChange], servers: [ServerReference], in state: StateDirectory, now: Date
  ) throws -> Transaction {
    try state.create()
    let all = state.folder("transactions")
    try all.create(StateDirectory.closed)
    try all.sweepTemporaries()
    // Numbers keep the order of creation, whatever the clock says. The caller holds the lock.
    let last = try all.entries().compactMap { Int($0.prefix { $0 != "-" }) }.max() ?? 0
    let digits = String(last + 1)
    let number = String(repeating: "0", count: max(0, 6 - digits.count)) + digits
    let id = "\(number)-\(now.rfc3339.filter { $0 != ":" })"
    let folder = all.folder(id)
    try folder.create(StateDirectory.closed)
    do {
      var entries: [Entry] = []
      for change in changes {
        var before = try Self.state(at: change.path)
        if before.kind == .file {
          let (place, name) = change.folderAndName
          let copy = "\(entries.count)"
          try folder.write(
            copy, place.read(name, limit: sizeLimit) ?? [], StateDirectory.closedFile)
          before.copy = copy
        }
        entries.append(Entry(path: change.path, before: before, after: Self.state(of: change)))
      }
      let record = Record(date: now, entries: entries, servers: servers)
      try StateFile<Record>(folder: folder, name: recordName, version: Record.formatVersion)
        .write(record)
      return Transaction(state: state, id: id, record: record)
    } catch {
      try? all.removeTree(id)
      throw error
    }
  }

  static func applied(
    _ changes: [FileChange], servers: [ServerReference], in state: StateDirectory, now: Date
  ) throws -> Transaction {
    let transaction = try begin(changes, servers: servers, in: state, now: now)
    do {
      try transaction.apply(changes)
    } catch {
      try transaction.undo()
      try transaction.finish()
      throw error
    }
    return transaction
  }

  static func unfinished(
    in state: StateDirectory
  ) throws -> (left: [Transaction], damaged: [CertctlError]) {
    let all = state.folder("transactions")
    try all.sweepTemporaries()
    var left: [Transaction] = []
    var damaged: [CertctlError] = []
    for id in try all.entries().reversed() {
      let file = StateFile<Record>(
        folder: all.folder(id), name: recordName, version: Record.formatVersion)
      do {
        if let record = try file.read() {
          left.append(Transaction(state: state, id: id, record: record))
        } else {
          try all.removeTree(id)
        }
      } catch let error as CertctlError {
        damaged.append(error)
      }
    }
    return (left, damaged)
  }

  // MARK: - Changing

  /// Applies the changes; all files are written before the first one is moved into place.
  ///
  /// - Throws: `HostError`; the caller undoes the changes then.
  func apply(_ changes: [FileChange]) throws { try Self.apply(changes, in: state) }

  /// Applies changes without a record, for changes that never need to be undone.
  static func apply(_ changes: [FileChange], in state: StateDirectory) throws {
    // Folders first: files are staged in them.
    for change in changes {
      guard case .folder(let attributes) = change.content else { continue }
      try DurableFolder(path: change.path, root: "/").create(attributes)
    }
    var staged: [String: String] = [:]
    do {
      for change in changes {
        guard case .file(let bytes, let attributes) = change.content else { continue }
        let (folder, name) = DurableFolder.folderAndName(of: change.path, root: state.path)
        staged[change.path] = try folder.stage(name, bytes, attributes)
      }
      for change in changes {
        let (folder, name) = DurableFolder.folderAndName(of: change.path, root: state.path)
        switch change.content {
        case .file:
          if let temporary = staged.removeValue(forKey: change.path) {
            try folder.install(temporary, as: name)
          }
        case .link(let target): try folder.link(name, to: target)
        case .absent: try folder.remove(name)
        case .folder: break
        }
      }
    } catch {
      for (path, temporary) in staged {
        DurableFolder.folderAndName(of: path).folder.discard(temporary)
      }
      throw error
    }
  }

  @discardableResult
  func undo(only paths: Set<String>? = nil) throws -> [String] {
    var foreign: [String] = []
    for entry in record.entries.reversed() where paths?.contains(entry.path) ?? true {
      let (place, name) = DurableFolder.folderAndName(of: entry.path, root: state.path)
      try place.sweepTemporaries(of: name)
      let now = try Self.state(at: entry.path)
      if now.isSame(as: entry.before) { continue }
      if entry.before.kind == .absent, entry.after.kind == .folder {
        try place.removeIfEmpty(name)
        continue
      }
      guard now.isSame(as: entry.after) else {
        foreign.append(entry.path)
        continue
      }
      try restore(entry, in: place, name)
    }
    return foreign
  }

  private func restore(_ entry: Entry, in place: DurableFolder, _ name: String) throws {
    let before = entry.before
    switch before.kind {
    case .absent: try place.remove(name)
    case .link: try place.link(name, to: before.target ?? "")
    case .folder: break
    case .file:
      guard let copy = before.copy, let bytes = try folder.read(copy, limit: Self.sizeLimit) else {
        throw CertctlError(
          .damagedState,
          "cannot restore \(entry.path): its old contents are missing in \(folder.path)",
          hint: "restore the file by hand, then remove \(folder.path)")
      }
      try place.write(
        name, bytes,
        FileAttributes(mode: before.mode ?? 0o600, owner: before.owner, group: before.group))
    }
  }

  func finish() throws {
    do {
      try folder.remove(Self.recordName)
    } catch {
      // The removal may not be durable: after a power failure, the next run would undo the change.
      guard try folder.kind(of: Self.recordName) == nil else { throw error }
    }
    // Without its record, the transaction has no effect; the next run removes the rest.
    try? state.folder("transactions").removeTree(id)
  }
}
