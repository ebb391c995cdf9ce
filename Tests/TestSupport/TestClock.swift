public import CertctlBase
public import FoundationEssentials
internal import Synchronization

/// A clock that does not run: sleeping advances it at once and records the duration.
public final class TestClock: Sendable {
  private struct State {
    var now: Date
    var waits: [Duration] = []
  }

  private let state: Mutex<State>

  /// Creates a clock at this time; by default a moment in 2026.
  public init(_ start: Date = Date(timeIntervalSince1970: 1_780_000_000)) {
    state = Mutex(State(now: start))
  }

  /// The current time.
  public var now: Date { state.withLock(\.now) }

  /// All waits so far, in order.
  public var waits: [Duration] { state.withLock(\.waits) }

  /// The sum of all waits so far, in seconds.
  public var waited: Double {
    waits.reduce(0) {
      $0 + Double($1.components.seconds) + Double($1.components.attoseconds) / 1e18
    }
  }

  /// Advances the clock without recording a wait.
  public func advance(_ seconds: Double) {
    state.withLock { $0.now = $0.now.addingTimeInterval(seconds) }
  }

  /// Records a wait and advances the clock by it.
  public func sleep(_ duration: Duration) throws {
    try Task.checkCancellation()
    let seconds =
      Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    state.withLock {
      $0.waits.append(duration)
      $0.now = $0.now.addingTimeInterval(seconds)
    }
  }

  /// The clock as a `WallClock` for the libraries.
  public var wall: WallClock {
    WallClock(now: { self.now }, sleep: { try self.sleep($0) })
  }
}
