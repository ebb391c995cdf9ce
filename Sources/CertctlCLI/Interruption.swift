import CertctlSystem
import Synchronization

/// Runs a command so that a signal ends it cleanly.
///
/// The first SIGINT, SIGTERM or SIGHUP cancels the command; once it has cleaned up what it
/// presented, the process ends by that same signal, so that a shell or systemd sees what happened.
/// A second signal ends the process at once.
///
/// - Parameters:
///   - onSignal: Called when the first signal comes, before anything is cleaned up.
///   - body: The command.
/// - Returns: What the command returns.
/// - Throws: What the command throws.
func endingBySignal<Value: Sendable>(
  onSignal: @escaping @Sendable () -> Void, _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
  let watcher = try SignalWatcher()
  let received = Mutex<Int32?>(nil)
  let work = Task { try await body() }
  let watch = Task {
    for await signal in watcher.signals {
      if received.withLock({ $0 }) != nil { end(by: signal) }
      received.withLock { $0 = signal }
      onSignal()
      work.cancel()
    }
  }
  let result = await work.result
  watcher.stop()
  await watch.value
  // A command that was done before it heard of the signal has done its work.
  if case .failure = result, let signal = received.withLock({ $0 }) {
    end(by: signal)
  }
  return try result.get()
}

/// Ends the process by a signal, with nothing left on the terminal's current line.
private func end(by signal: Int32) {
  Screen.standard.clear()
  SignalWatcher.end(by: signal)
}
