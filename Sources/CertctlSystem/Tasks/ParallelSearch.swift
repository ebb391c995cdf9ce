internal import CLinux
internal import CertctlBase

/// Runs computations on all cores, on separate threads.
///
/// `Blocking` is for calls that wait; a computation of minutes would occupy its few threads.
package enum ParallelSearch {
  /// The number of cores available to this process.
  package static var count: Int { max(1, Int(certctl_core_count())) }

  /// Runs the same work on several threads, by default one per core, and returns when all have
  /// finished.
  ///
  /// It ignores cancellation of its task: the work itself must know when to end.
  ///
  /// - Parameters:
  ///   - threads: The number of threads.
  ///   - body: The work.
  /// - Throws: The first error of a thread, after all have ended; `HostError` if a thread cannot be
  ///   created.
  package static func run(
    threads: Int = count, _ body: @escaping @Sendable () throws -> Void
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<threads { group.addTask { try await onThread(body) } }
      var failure: (any Error)?
      // `for try await` would return at the first error, while other threads still run.
      while let result = await group.nextResult() {
        if case .failure(let error) = result { failure = failure ?? error }
      }
      if let failure { throw failure }
    }
  }

  private static func onThread(_ body: @escaping @Sendable () throws -> Void) async throws {
    try await withCheckedThrowingContinuation { continuation in
      let isStarted = Thread.start { continuation.resume(with: Result(catching: body)) }
      guard !isStarted else { return }
      continuation.resume(
        throwing: HostError(.io, operation: "start a thread", detail: "insufficient resources"))
    }
  }
}
