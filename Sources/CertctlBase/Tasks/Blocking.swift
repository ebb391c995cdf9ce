internal import Glibc
internal import Synchronization

/// Runs blocking calls, such as fsync or key generation, on separate threads.
///
/// The cooperative pool has one thread per core, so two blocking calls would stop all tasks of a
/// small host. Here at most `limit` threads run at once, and further work waits in a queue. A
/// thread ends after a second without work. Work must not wait for other work of this pool, and
/// cannot do so accidentally, because the closure is synchronous. Locks are therefore polled
/// (`FileLock`).
package enum Blocking {
  /// Runs `body` on a separate thread and returns its result.
  ///
  /// The call ignores cancellation of its task, because half a rename is useless.
  ///
  /// - Throws: The error of `body`.
  package static func run<Value: Sendable>(
    _ body: @escaping @Sendable () throws -> Value
  ) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
      submit { continuation.resume(with: Result(catching: body)) }
    }
  }

  /// The maximum number of threads: enough for slow disks, few enough for small hosts.
  static let limit = 8

  /// How long an idle thread waits for work, in seconds: starting a thread costs more than most
  /// calls.
  private static let patience = 1

  private typealias Job = @Sendable () -> Void

  private struct Line: Sendable {
    /// The number of threads.
    var threads = 0
    /// The threads that wait for `bell` and have not been called yet.
    var idle = 0
    var jobs: [Job] = []
  }

  private static let line = Mutex(Line())

  /// The semaphore that calls idle threads; created once, never freed.
  private nonisolated(unsafe) static let bell: UnsafeMutablePointer<sem_t> = {
    let bell = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
    unsafe bell.initialize(to: sem_t())
    unsafe sem_init(bell, 0, 0)
    return unsafe bell
  }()

  static func submit(_ job: @escaping @Sendable () -> Void) {
    enum Need { case nothing, call, thread }
    let need = line.withLock { line -> Need in
      line.jobs.append(job)
      if line.idle > 0 {
        line.idle -= 1
        return .call
      }
      guard line.threads < limit else { return .nothing }
      line.threads += 1
      return .thread
    }
    switch need {
    case .nothing: return
    case .call: unsafe sem_post(bell)
    case .thread:
      guard !Thread.start(work) else { return }
      // No new thread is available. Running threads will take the job; without any, this one must.
      let isLast = line.withLock { line in
        line.threads -= 1
        guard line.threads == 0 else { return false }
        line.threads = 1
        return true
      }
      if isLast { drain() }
    }
  }

  /// Runs jobs until there have been none for a while.
  @Sendable private static func work() {
    repeat {
      while let job = nextJob(isLeaving: false) { job() }
    } while waitForCall()
  }

  /// Runs jobs until the queue is empty.
  private static func drain() {
    while let job = nextJob(isLeaving: true) { job() }
  }

  /// Takes the next job from the queue.
  ///
  /// If the queue is empty, the thread is counted as gone or idle under the same lock, so that no
  /// job is left without a thread.
  private static func nextJob(isLeaving: Bool) -> Job? {
    line.withLock { line in
      guard line.jobs.isEmpty else { return line.jobs.removeFirst() }
      if isLeaving { line.threads -= 1 } else { line.idle += 1 }
      return nil
    }
  }

  /// Waits for a call; returns false if none came, and then this thread is no longer counted.
  private static func waitForCall() -> Bool {
    var end = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &end)
    end.tv_sec += patience
    while unsafe sem_timedwait(bell, &end) != 0 {
      if errno == EINTR { continue }
      let isLeaving = line.withLock { line in
        // All idle threads were called, so one of the calls on its way is for this thread.
        guard line.idle > 0 else { return false }
        line.idle -= 1
        line.threads -= 1
        return true
      }
      if isLeaving { return false }
      while unsafe sem_wait(bell) != 0 {}
      return true
    }
    return true
  }
}
