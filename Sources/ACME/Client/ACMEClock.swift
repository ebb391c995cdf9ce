public import FoundationEssentials
internal import HostIO

/// The time of day and the wait; replaced in tests, so that nothing waits for real.
public struct ACMEClock: Sendable {
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
  public static let system = ACMEClock(
    now: WallClock.system.now, sleep: WallClock.system.sleep)

  /// How long it is until a moment; zero for the past.
  func duration(until date: Date) -> Duration {
    .seconds(max(0, date.timeIntervalSince(now())))
  }
}

extension Duration {
  /// The same in seconds.
  var inSeconds: Double {
    Double(components.seconds) + Double(components.attoseconds) / 1e18
  }
}
