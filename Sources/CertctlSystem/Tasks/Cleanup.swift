internal import CertctlBase
internal import Synchronization

/// Runs `body`, then always `cleanup`: after success, after an error and after cancellation.
///
/// This is the one place for clean-up that must survive cancellation. `cleanup` runs in a task of
/// its own that the caller's cancellation does not reach; after `timeout` that task is cancelled and
/// no longer waited for.
///
/// - Parameters:
///   - timeout: How long the clean-up may take.
///   - hurried: How long it may take after cancellation; as long by default.
///   - onFailure: Hears of an error of the clean-up, or of its running out of time
///     (`HostError.Code.timedOut`). Such an error never hides what `body` returned or threw.
///   - body: The work.
///   - cleanup: The clean-up; it is told how the work ended.
/// - Returns: What `body` returned.
/// - Throws: What `body` threw.
package func withCleanup<Value: Sendable>(
  timeout: Duration, afterCancellation hurried: Duration? = nil,
  onFailure: @escaping @Sendable (any Error) -> Void = { _ in },
  _ body: () async throws -> Value,
  cleanup: @escaping @Sendable (Result<Value, any Error>) async throws -> Void
) async throws -> Value {
  let result: Result<Value, any Error>
  do { result = .success(try await body()) } catch { result = .failure(error) }
  do {
    let limit = Task.isCancelled ? hurried ?? timeout : timeout
    try await finish(within: limit) { try await cleanup(result) }
  } catch {
    onFailure(error)
  }
  return try result.get()
}

/// Runs `work` in a task that the caller's cancellation does not reach, and waits `limit` for it.
private func finish(
  within limit: Duration, _ work: @escaping @Sendable () async throws -> Void
) async throws {
  let pending = Mutex<CheckedContinuation<Void, any Error>?>(nil)
  let settle: @Sendable (Result<Void, any Error>) -> Void = { result in
    // The first to come resumes, the other finds nothing.
    pending.withLock { $0.take() }?.resume(with: result)
  }
  try await withCheckedThrowingContinuation { continuation in
    pending.withLock { $0 = continuation }
    let task = Task {
      do { settle(.success(try await work())) } catch { settle(.failure(error)) }
    }
    let timer = Task {
      try? await Task.sleep(for: limit)
      task.cancel()
      settle(.failure(HostError(.timedOut, operation: "clean up", detail: "it took over \(limit)")))
    }
    Task {
      _ = await task.result
      timer.cancel()
    }
  }
}
