import FoundationEssentials
import Synchronization

/// Keeps the number of test servers that run at a time within what the machine can bear.
///
/// Swift Testing starts all tests at once, unless it is told how many (`make test` tells it). Some
/// eighty servers that all make their RSA keys at the same time are so slow to start that time limits
/// run out.
enum Turn {
  private static let limit = max(8, 4 * ProcessInfo.processInfo.activeProcessorCount)
  private static let taken = Mutex(0)
  @TaskLocal private static var isMine = false

  /// Runs `body` when it is its turn; within another turn at once, so that nothing waits for itself.
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
