internal import CertctlBase
internal import Synchronization

/// Runs `body`, then always `cleanup`: after success, an error or cancellation.
///
/// All clean-up that must survive cancellation uses this function. `cleanup` runs in a separate
/// task, which the caller's cancellation does not reach. After `timeout` that task is cancelled and
/// no longer waited for.
///
/// - Parameters:
///   - timeout: The time limit for the clean-up.
///   - hurried: The time limit after cancellation; by default the same.
///   - onFailure: Receives an error of the clean-up, or its timeout (`HostError.Code.timedOut`).
///     Such an error never replaces the result or error of `body`.
///   - body: The work.
///   - cleanup: The clean-up, which receives the result of the work.
/// - Returns: The result of `body`.
/// - Throws: The error of `body`.
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

/// Runs `work` in a task that the caller's cancellation does not reach, for at most `limit`.
private func finish(
  within limit: Duration, _ work: @escaping @Sendable () async throws -> Void
) async throws {
  let pending = Mutex<CheckedContinuation<Void, any Error>?>(nil)
  let settle: @Sendable (Result<Void, any Error>) -> Void = { result in
    // The first call resumes; a later one finds no continuation.
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
      settle(
        .failure(HostError(.timedOut, operation: "clean up", detail: "timed out after \(limit)")))
    }
    Task {
      _ = await task.result
      timer.cancel()
    }
  }
}
