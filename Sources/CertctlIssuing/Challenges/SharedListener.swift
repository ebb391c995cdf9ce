import CertctlBase
import CertctlCore
import CertctlSystem
import Synchronization

/// A listener of our own that orders side by side share: the first to come starts it, the last to
/// leave stops it.
actor SharedListener<Server: Sendable> {
  private let port: Int
  private let start: @Sendable () async throws -> Server
  private let stop: @Sendable (Server) async -> Void
  private var users = 0
  private var running: Task<Server, any Error>?
  private var stopping: Task<Void, Never>?

  /// How long to wait for another certctl that has the port: it gives it up when its orders are
  /// proved.
  static var patience: Duration { .seconds(120) }

  /// A listener that is not started yet.
  init(
    port: Int,
    start: @escaping @Sendable () async throws -> Server,
    stop: @escaping @Sendable (Server) async -> Void
  ) {
    self.port = port
    self.start = start
    self.stop = stop
  }

  /// Takes part; returns when the listener listens.
  ///
  /// - Throws: What `start` throws. `leave` has to be called all the same.
  func join() async throws {
    users += 1
    if running == nil {
      let (port, start, earlier) = (port, start, stopping)
      running = Task {
        // The port is free only when the one before has let it go.
        await earlier?.value
        return try await Self.started(start, port)
      }
    }
    guard let running else { return }
    do {
      _ = try await running.value
    } catch {
      // Who comes later tries again.
      if self.running == running { self.running = nil }
      throw error
    }
  }

  private static func started(
    _ start: @Sendable () async throws -> Server, _ port: Int
  ) async throws -> Server {
    let end = ContinuousClock.now + patience
    while true {
      do {
        return try await start()
      } catch let error as HostError where error.code == .addressInUse {
        guard await PortHolder.isAnotherOfUs(port: port) else { throw error }
        guard ContinuousClock.now < end else {
          throw CertctlError(
            .locked, error.description, hint: "wait for it to end, then give the command again",
            isRetryable: true)
        }
        try await Task.sleep(for: .milliseconds(200))
      }
    }
  }

  /// Takes part no longer; when this returns, and nobody else takes part, the port is free.
  func leave() async {
    users = max(0, users - 1)
    guard users == 0, let running else { return }
    self.running = nil
    let (stop, earlier) = (stop, stopping)
    let task = Task {
      await earlier?.value
      if let server = try? await running.value { await stop(server) }
    }
    stopping = task
    await task.value
  }
}
