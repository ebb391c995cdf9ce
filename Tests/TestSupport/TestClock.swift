public import CertctlBase
public import FoundationEssentials
internal import Synchronization

/// A clock that stands still and jumps over every wait, and remembers the waits.
public final class TestClock: Sendable {
  private struct State {
    var now: Date
    var waits: [Duration] = []
  }

  private let state: Mutex<State>

  /// Starts at a moment; by default some time in 2026.
  public init(_ start: Date = Date(timeIntervalSince1970: 1_780_000_000)) {
    state = Mutex(State(now: start))
  }

  /// The present moment.
  public var now: Date { state.withLock(\.now) }

  /// Every wait so far, in order.
  public var waits: [Duration] { state.withLock(\.waits) }

  /// All waits so far in seconds.
  public var waited: Double {
    waits.reduce(0) {
      $0 + Double($1.components.seconds) + Double($1.components.attoseconds) / 1e18
    }
  }

  /// Moves on without a wait.
  public func advance(_ seconds: Double) {
    state.withLock { $0.now = $0.now.addingTimeInterval(seconds) }
  }

  /// Jumps over a wait.
  public func sleep(_ duration: Duration) throws {
    try Task.checkCancellation()
    let seconds =
      Double(duration.components.seconds) + Double(duration.components.attoseconds) / 1e18
    state.withLock {
      $0.waits.append(duration)
      $0.now = $0.now.addingTimeInterval(seconds)
    }
  }

  /// This clock as the libraries take it.
  public var wall: WallClock {
    WallClock(now: { self.now }, sleep: { try self.sleep($0) })
  }
}
