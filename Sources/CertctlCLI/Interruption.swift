import CertctlSystem
import Synchronization

/// Runs a command and handles signals.
///
/// The first SIGINT, SIGTERM or SIGHUP cancels the command. After the cleanup the process ends with
/// the same signal, so that a shell or systemd sees the cause. A second signal ends the process
/// immediately.
///
/// - Parameters:
///   - onSignal: Called on the first signal, before the cleanup.
///   - body: The command.
/// - Returns: The result of the command.
/// - Throws: The error of the command; `HostError` if signals cannot be watched.
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
  // A command that succeeded despite the signal returns its result.
  if case .failure = result, let signal = received.withLock({ $0 }) {
    end(by: signal)
  }
  return try result.get()
}

/// Clears the terminal's current line and ends the process with a signal.
private func end(by signal: Int32) {
  Screen.standard.clear()
  SignalWatcher.end(by: signal)
}
