internal import Synchronization

/// The actor of functions that read or change many files at a stretch, and so block a thread.
///
/// `@Disk` in a signature says that the function blocks. Callers await it, and it runs on a thread of
/// `Blocking`. One runs at a time: a configuration is read as a whole, a tree is made as a whole. Single
/// calls that may go side by side, such as those of the stores, use `Blocking.run` themselves.
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

  /// Runs what is in line until there is nothing; the last look and the leaving are one step.
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
