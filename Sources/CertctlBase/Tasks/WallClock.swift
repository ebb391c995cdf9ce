public import FoundationEssentials

/// The time of day and the wait, as one value that tests replace.
public struct WallClock: Sendable {
  /// The present moment.
  public var now: @Sendable () -> Date
  /// Waits; throws `CancellationError` when the task is cancelled meanwhile.
  public var sleep: @Sendable (Duration) async throws -> Void

  /// Makes a clock of its two functions.
  public init(
    now: @escaping @Sendable () -> Date, sleep: @escaping @Sendable (Duration) async throws -> Void
  ) {
    self.now = now
    self.sleep = sleep
  }

  /// The host's clock.
  public static let system = WallClock(
    now: { Date() }, sleep: { try await Task.sleep(for: $0) })
}
