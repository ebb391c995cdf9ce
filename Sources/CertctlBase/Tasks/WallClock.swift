public import FoundationEssentials

/// The current time and the sleep function, which tests replace.
public struct WallClock: Sendable {
  /// Returns the current time.
  public var now: @Sendable () -> Date
  /// Sleeps; throws `CancellationError` if the task is cancelled.
  public var sleep: @Sendable (Duration) async throws -> Void

  /// Creates a clock from its two functions.
  public init(
    now: @escaping @Sendable () -> Date, sleep: @escaping @Sendable (Duration) async throws -> Void
  ) {
    self.now = now
    self.sleep = sleep
  }

  /// The system clock.
  public static let system = WallClock(
    now: { Date() }, sleep: { try await Task.sleep(for: $0) })
}
