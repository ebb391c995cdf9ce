import CertctlBase
package import CertctlCore
import CertctlSystem
package import FoundationEssentials

// The interface of transactions for other targets; see `AsyncStores.swift`.

extension Transaction {
  /// Begins a transaction and applies its changes.
  ///
  /// - Throws: `CertctlError` or `HostError`; the changes are undone then.
  package static func applied(
    _ changes: [FileChange], servers: [ServerReference], in state: StateDirectory, now: Date
  ) async throws -> Transaction {
    try await Blocking.run { try applied(changes, servers: servers, in: state, now: now) }
  }

  /// Applies changes that never need to be undone.
  package static func apply(_ changes: [FileChange], in state: StateDirectory) async throws {
    try await Blocking.run { try apply(changes, in: state) }
  }

  /// Returns whether an earlier run left transactions, including half-removed ones.
  package static func areLeft(in state: StateDirectory) async -> Bool {
    let path = state.folder("transactions").path
    let names = try? await Blocking.run { FileFacts.names(inFolder: path) ?? [] }
    return names?.isEmpty == false
  }

  /// Returns the transactions that earlier runs did not finish, newest first.
  ///
  /// They must be undone in this order. A transaction without a record changed nothing and is
  /// removed. One whose record cannot be read stays as it is.
  ///
  /// - Returns: The transactions that can be undone, and the errors of the others.
  package static func unfinished(
    in state: StateDirectory
  ) async throws -> (left: [Transaction], damaged: [CertctlError]) {
    try await Blocking.run { try unfinished(in: state) }
  }

  /// Restores the old contents of all paths, or only of these.
  ///
  /// - Returns: The paths that others have changed since; they stay as they are.
  /// - Throws: `CertctlError` or `HostError` if a path cannot be restored; old contents are kept.
  @discardableResult
  package func undo(only paths: Set<String>? = nil) async throws -> [String] {
    try await Blocking.run { try undo(only: paths) }
  }

  /// Discards the old contents.
  ///
  /// - Throws: `HostError` if the record cannot be removed; the next run then undoes the change.
  package func finish() async throws {
    try await Blocking.run { try finish() }
  }

  /// Returns the current state of a path.
  package static func state(at path: String) async throws -> PathState {
    try await Blocking.run { try state(at: path) }
  }
}

extension FileChange {
  /// Returns the changes that are not in place yet.
  package static func missing(of changes: [FileChange]) async throws -> [FileChange] {
    try await Blocking.run { try changes.filter { try !Transaction.isInPlace($0) } }
  }
}
