import FoundationEssentials
import Synchronization

/// A limit on the number of test servers that run at once.
///
/// Swift Testing starts all tests at once unless told otherwise (`make test` does). About eighty
/// servers that generate RSA keys at the same time would exceed their time limits.
enum Turn {
  private static let limit = max(8, 4 * ProcessInfo.processInfo.activeProcessorCount)
  private static let taken = Mutex(0)
  @TaskLocal private static var isMine = false

  /// Runs `body` once a slot is free; nested calls run immediately, to avoid a deadlock.
  static func take<Result: Sendable>(
    _ body: () async throws -> Result
  ) async throws -> Result {
    if isMine { return try await body() }
    try await poll("a turn to start a server", within: .seconds(240), every: .milliseconds(20)) {
      taken.withLock { taken in
        guard taken < limit else { return false }
        taken += 1
        return true
      }
    }
    defer { taken.withLock { $0 -= 1 } }
    return try await $isMine.withValue(true) { try await body() }
  }
}
