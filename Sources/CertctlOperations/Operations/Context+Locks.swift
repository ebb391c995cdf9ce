import CertctlBase
import CertctlCore
import CertctlStore
import CertctlSystem
import Logging

extension Context {
  /// Runs `body` under the lock of a lineage.
  ///
  /// - Throws: `CertctlError` with code `locked` if another process holds the lock for longer than
  ///   `wait`, by default the lock timeout; the errors of `body`.
  func withLineage<T: Sendable>(
    _ name: LineageName, wait: Duration? = nil, _ body: () async throws -> T
  ) async throws -> T {
    let lock = try await lock(name, wait: wait ?? lockTimeout)
    defer { lock.release() }
    await state.sweep(name)
    return try await body()
  }

  /// Runs `body` under the locks of those lineages that no other process has locked.
  ///
  /// - Throws: The errors of `body`.
  func withFreeLineages<T: Sendable>(
    _ names: [LineageName], _ body: ([LineageName]) async throws -> T
  ) async throws -> T {
    var free: [LineageName] = []
    var locks: [FileLock] = []
    defer { for lock in locks { lock.release() } }
    for name in names {
      do {
        locks.append(try await lock(name, wait: .zero))
        free.append(name)
      } catch let error as CertctlError where error.code == .locked {
        environment.console.logger.info("\(error.message)")
      }
    }
    return try await body(free)
  }

  /// Returns the lock of a lineage, and reports the process that it waits for.
  private func lock(_ name: LineageName, wait: Duration) async throws -> FileLock {
    let key = "lineage-\(name)"
    do {
      return try await state.lock(key, wait: .zero, clock: environment.clock)
    } catch let error as CertctlError where error.code == .locked && wait > .zero {
      environment.console.progress(.waiting(state.holder(of: key)))
    }
    return try await state.lock(key, wait: wait, clock: environment.clock)
  }

  /// Returns the lock for deployments, which only one process can hold.
  func deploymentLock() async throws -> FileLock {
    try await state.lock("deployment", wait: lockTimeout, clock: environment.clock)
  }
}
