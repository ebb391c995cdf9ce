package import FoundationEssentials

/// The time of day and the wait, as one value that tests replace.
package struct WallClock: Sendable {
  /// The present moment.
  package var now: @Sendable () -> Date
  /// Waits; throws `CancellationError` when the task is cancelled meanwhile.
  package var sleep: @Sendable (Duration) async throws -> Void

  /// Makes a clock of its two functions.
  package init(
    now: @escaping @Sendable () -> Date, sleep: @escaping @Sendable (Duration) async throws -> Void
  ) {
    self.now = now
    self.sleep = sleep
  }

  /// The host's clock.
  package static let system = WallClock(
    now: { Date() }, sleep: { try await Task.sleep(for: $0) })
}
