internal import Glibc
internal import Synchronization

/// Runs calls that block, such as fsync or key generation, on threads of their own.
///
/// The cooperative pool has as many threads as there are cores, so two blocking calls would stop
/// every task of a small host. Here at most `limit` threads run at once, and the rest waits in line.
/// A thread ends when there has been no work for a second. Work that waits for other work of this
/// pool is forbidden; it cannot be written without blocking on purpose, since the closure is
/// synchronous. Locks are therefore polled (`FileLock`), not waited for in here.
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

  /// How long a thread without work waits for more, in seconds: starting one costs more than most
  /// calls that it is for.
  private static let patience = 1

  private typealias Job = @Sendable () -> Void

  private struct Line: Sendable {
    /// The threads that there are.
    var threads = 0
    /// Those of them that wait at `bell` and that nobody has rung for yet.
    var idle = 0
    var jobs: [Job] = []
  }

  private static let line = Mutex(Line())

  /// Counts how often threads that wait were called; made once, never freed.
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
      // The system gives no thread. Those that run will take the job; without any, this one must.
      let isLast = line.withLock { line in
        line.threads -= 1
        guard line.threads == 0 else { return false }
        line.threads = 1
        return true
      }
      if isLast { drain() }
    }
  }

  /// Takes jobs until there have been none for a while.
  @Sendable private static func work() {
    repeat {
      while let job = nextJob(isLeaving: false) { job() }
    } while waitForCall()
  }

  /// Takes jobs until there are none.
  private static func drain() {
    while let job = nextJob(isLeaving: true) { job() }
  }

  /// The next job.
  ///
  /// Where there is none, the last look and the leaving or lying idle are one step, so that no job is
  /// left without a thread.
  private static func nextJob(isLeaving: Bool) -> Job? {
    line.withLock { line in
      guard line.jobs.isEmpty else { return line.jobs.removeFirst() }
      if isLeaving { line.threads -= 1 } else { line.idle += 1 }
      return nil
    }
  }

  /// Waits for a call; false when none came, and this thread is no longer counted.
  private static func waitForCall() -> Bool {
    var end = timespec()
    unsafe clock_gettime(CLOCK_REALTIME, &end)
    end.tv_sec += patience
    while unsafe sem_timedwait(bell, &end) != 0 {
      if errno == EINTR { continue }
      let isLeaving = line.withLock { line in
        // All that wait were called: one of the calls is this thread's, and is on its way.
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
