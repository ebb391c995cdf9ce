import CertctlBase
import CertctlCore
import CertctlSystem
import Synchronization

/// A built-in listener that concurrent orders share.
///
/// The first order starts it, and the last one stops it.
actor SharedListener<Server: Sendable> {
  private let port: Int
  private let start: @Sendable () async throws -> Server
  private let stop: @Sendable (Server) async -> Void
  private var users = 0
  private var running: Task<Server, any Error>?
  private var stopping: Task<Void, Never>?

  /// How long to wait for another certctl, which holds the port until its orders are validated.
  static var patience: Duration { .seconds(120) }

  /// Creates a listener without starting it.
  init(
    port: Int,
    start: @escaping @Sendable () async throws -> Server,
    stop: @escaping @Sendable (Server) async -> Void
  ) {
    self.port = port
    self.start = start
    self.stop = stop
  }

  /// Adds a user of the listener, and returns when it is listening.
  ///
  /// - Throws: What `start` throws. The caller must call `leave` anyway.
  func join() async throws {
    users += 1
    if running == nil {
      let (port, start, earlier) = (port, start, stopping)
      running = Task {
        // The port is free only after the previous listener has stopped.
        await earlier?.value
        return try await Self.started(start, port)
      }
    }
    guard let running else { return }
    do {
      _ = try await running.value
    } catch {
      // The next user tries again.
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
            .locked, error.description,
            hint: "wait until it has finished, then run the command again",
            isRetryable: true)
        }
        try await Task.sleep(for: .milliseconds(200))
      }
    }
  }

  /// Removes a user of the listener; the port is free when the last one has left.
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
