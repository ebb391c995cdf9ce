import CertctlBase
package import CertctlCore
import CertctlSystem
package import FoundationEssentials

// What layers above see of a transaction; `AsyncStores.swift` says why.

extension Transaction {
  /// Begins a transaction and makes its changes.
  ///
  /// - Throws: `CertctlError` or `HostError`; then all is as it was.
  package static func applied(
    _ changes: [FileChange], servers: [ServerReference], in state: StateDirectory, now: Date
  ) async throws -> Transaction {
    try await Blocking.run { try applied(changes, servers: servers, in: state, now: now) }
  }

  /// Makes changes that nobody has to put back.
  package static func apply(_ changes: [FileChange], in state: StateDirectory) async throws {
    try await Blocking.run { try apply(changes, in: state) }
  }

  /// Whether there may be some that an earlier run did not end, half-removed ones among them.
  package static func areLeft(in state: StateDirectory) async -> Bool {
    let path = state.folder("transactions").path
    let names = try? await Blocking.run { FileFacts.names(inFolder: path) ?? [] }
    return names?.isEmpty == false
  }

  /// Those that an earlier run did not end, the newest first: each was made after those before it.
  ///
  /// One that a crash cut short before its record was written changed nothing, and is removed. One whose
  /// record cannot be read is left as it is.
  ///
  /// - Returns: Those that can be undone, and what is wrong with the others.
  package static func unfinished(
    in state: StateDirectory
  ) async throws -> (left: [Transaction], damaged: [CertctlError]) {
    try await Blocking.run { try unfinished(in: state) }
  }

  /// Puts back what stood there before, all of it or only at these paths.
  ///
  /// - Returns: The paths that somebody else has changed since, which are left alone.
  /// - Throws: `HostError` when something cannot be put back; the old contents stay kept.
  @discardableResult
  package func undo(only paths: Set<String>? = nil) async throws -> [String] {
    try await Blocking.run { try undo(only: paths) }
  }

  /// Forgets the old contents.
  ///
  /// - Throws: `HostError` when the record cannot be removed; the next run then undoes the change.
  package func finish() async throws {
    try await Blocking.run { try finish() }
  }

  /// What stands at a path now.
  package static func state(at path: String) async throws -> PathState {
    try await Blocking.run { try state(at: path) }
  }
}

extension FileChange {
  /// Those of these changes that would change anything now.
  package static func missing(of changes: [FileChange]) async throws -> [FileChange] {
    try await Blocking.run { try changes.filter { try !Transaction.isInPlace($0) } }
  }
}
