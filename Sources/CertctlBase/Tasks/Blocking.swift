internal import Synchronization

/// Runs calls that block, such as fsync or key generation, on threads of their own.
///
/// The cooperative pool has as many threads as there are cores, so two blocking calls would stop
/// every task of a small host. Here at most `limit` threads run at once, and the rest waits in line.
/// A thread ends when the line is empty. Work that waits for other work of this pool is forbidden;
/// it cannot be written without blocking on purpose, since the closure is synchronous. Locks are
/// therefore polled (`FileLock`), not waited for in here.
package enum Blocking {
  /// Runs `body` off the cooperative pool and returns what it returns.
  ///
  /// The call is not cancelled with its task: half a rename serves nobody.
  ///
  /// - Throws: What `body` throws.
  package static func run<Value: Sendable>(
    _ body: @escaping @Sendable () throws -> Value
  ) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      submit { continuation.resume(with: Result(catching: body)) }
    }
  }

  /// The number of threads; enough for slow disks, and few enough for small hosts.
  static let limit = 8

  private typealias Job = @Sendable () -> Void

  private struct Line: Sendable {
    var threads = 0
    var jobs: [Job] = []
  }

  private static let line = Mutex(Line())

  static func submit(_ job: @escaping @Sendable () -> Void) {
    let needsThread = line.withLock { line in
      line.jobs.append(job)
      guard line.threads < limit else { return false }
      line.threads += 1
      return true
    }
    guard needsThread, !Thread.start(work) else { return }
    // The system gives no thread. Those that run will take the job; without any, this one must.
    let isLast = line.withLock { line in
      line.threads -= 1
      guard line.threads == 0 else { return false }
      line.threads = 1
      return true
    }
    if isLast { work() }
  }

  /// Takes jobs until there are none.
  ///
  /// The last look and the leaving are one step under the lock, so that no job is left without a
  /// thread.
  @Sendable private static func work() {
    while true {
      let job = line.withLock { line -> Job? in
        if line.jobs.isEmpty {
          line.threads -= 1
          return nil
        }
        return line.jobs.removeFirst()
      }
      guard let job else { return }
      job()
    }
  }
}
