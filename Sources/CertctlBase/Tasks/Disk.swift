internal import Synchronization

/// The actor of functions that read or change many files at once, and so block a thread.
///
/// `@Disk` in a signature says that the function blocks. Callers await it, and it runs on a thread
/// of `Blocking`. These functions run one at a time, so that each sees a consistent configuration.
/// Short calls that may run concurrently, such as those of the stores, use `Blocking.run` instead.
@globalActor package actor Disk {
  package static let shared = Disk()

  private let executor = DiskExecutor()

  package nonisolated var unownedExecutor: UnownedSerialExecutor {
    unsafe executor.asUnownedSerialExecutor()
  }
}

/// Runs jobs one after another on a thread that may block.
private final class DiskExecutor: SerialExecutor {
  private struct Line: Sendable {
    var jobs: [UnownedJob] = []
    var isRunning = false
  }

  private let line = Mutex(Line())

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let mustStart = line.withLock { line in
      line.jobs.append(job)
      defer { line.isRunning = true }
      return !line.isRunning
    }
    if mustStart { Blocking.submit { self.drain() } }
  }

  /// Runs jobs until the queue is empty; the last check and the end are one step under the lock.
  private func drain() {
    while true {
      let jobs = line.withLock { line in
        defer { line.jobs = [] }
        line.isRunning = !line.jobs.isEmpty
        return line.jobs
      }
      guard !jobs.isEmpty else { return }
      for job in jobs { unsafe job.runSynchronously(on: asUnownedSerialExecutor()) }
    }
  }
}
