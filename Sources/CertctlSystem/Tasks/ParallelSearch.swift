internal import CLinux
internal import CertctlBase

/// Work for every core at once, on threads of its own.
///
/// `Blocking` is for calls that wait; what computes for minutes would hold its few threads.
package enum ParallelSearch {
  /// The number of cores that this process may use.
  package static var count: Int { max(1, Int(certctl_core_count())) }

  /// Runs the same work on a thread for each core, and returns when all of them are done.
  ///
  /// It is not cancelled with its task: the work itself has to know when to end.
  ///
  /// - Parameters:
  ///   - threads: How many.
  ///   - body: The work.
  /// - Throws: What one of them threw, after all have ended; `HostError` when the system gives no thread.
  package static func run(
    threads: Int = count, _ body: @escaping @Sendable () throws -> Void
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<threads { group.addTask { try await onThread(body) } }
      var failure: (any Error)?
      // Not the group's own way, which would go on without those that still run.
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
        throwing: HostError(.io, operation: "start a thread", detail: "the system gives none"))
    }
  }
}
