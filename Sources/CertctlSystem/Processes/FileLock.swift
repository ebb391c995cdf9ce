package import CertctlBase
internal import Glibc
internal import Synchronization

/// A lock between processes, and between tasks of one process: flock(2) on a separate descriptor.
///
/// The lock file is not removed with the lock: otherwise two processes could lock two files of the
/// same name. A crash releases the lock. The file contains the holder's pid and command, for error
/// messages.
package final class FileLock: Sendable {
  /// The path of the lock file.
  package let path: String
  private let descriptor: Mutex<Int32?>

  private init(path: String, descriptor: Int32) {
    self.path = path
    self.descriptor = Mutex(descriptor)
  }

  deinit { release() }

  /// Acquires the lock, waiting up to `wait` for it.
  ///
  /// It polls instead of waiting in the kernel, so that no thread is blocked and cancellation
  /// works.
  ///
  /// - Throws: `HostError` with `.lockHeld`, whose detail names the holder's pid and command, or
  ///   `CancellationError`.
  package static func acquire(
    path: String, wait: Duration = .zero, clock: WallClock = .system
  ) async throws -> FileLock {
    // Add up the pauses, because the clock may be changed and attempts take no time.
    var waited = Duration.zero
    var pause = Duration.milliseconds(20)
    while true {
      try Task.checkCancellation()
      if let lock = try await Blocking.run({ try attempt(path) }) { return lock }
      guard waited < wait else { throw held(path, waited: wait) }
      pause = min(pause, wait - waited)
      try await clock.sleep(pause)
      waited += pause
      pause = min(pause * 2, .milliseconds(250))
    }
  }

  /// Releases the lock; a second call does nothing.
  package func release() {
    guard let raw = descriptor.withLock({ $0.take() }) else { return }
    // An empty file means "no holder" to `holder`.
    ftruncate(raw, 0)
    // Closing is not enough: a child between fork and exec has the descriptor too.
    flock(raw, LOCK_UN)
    close(raw)
  }

  /// Returns the process that last wrote the lock file and has not released the lock; nil for none.
  package static func holder(_ path: String) -> (pid: Int32, command: String)? {
    let (parent, name) = DurableFolder.split(path)
    let folder = DurableFolder(path: parent, root: parent)
    guard let name, let bytes = try? folder.read(name, limit: 8192) else { return nil }
    let lines = String(decoding: bytes, as: UTF8.self)
      .split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
    guard lines.count == 2, let pid = Int32(lines[0]) else { return nil }
    return (pid, lines[1].last == "\n" ? String(lines[1].dropLast()) : String(lines[1]))
  }

  private static func attempt(_ path: String) throws(HostError) -> FileLock? {
    try FaultPoint.step("lock \(path.split(separator: "/").last ?? "")")
    let raw = try Descriptor.call("open the lock file", path) {
      unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
    }
    do throws(HostError) {
      try Descriptor.call("acquire the lock", path) { flock(raw, LOCK_EX | LOCK_NB) }
    } catch {
      close(raw)
      if error.errnoCode == EWOULDBLOCK { return nil }
      throw error
    }
    // The lock object now owns the descriptor.
    let lock = FileLock(path: path, descriptor: raw)
    guard isStill(path, raw) else { return nil }
    let text = Array("\(getpid())\n\(ProcessName.command(of: getpid()) ?? "?")\n".utf8)
    ftruncate(raw, 0)
    _ = unsafe text.withUnsafeBytes { unsafe pwrite(raw, $0.baseAddress, $0.count, 0) }
    return lock
  }

  /// Returns whether the path still leads to the locked file, and not to a newer one.
  private static func isStill(_ path: String, _ raw: Int32) -> Bool {
    var opened = stat()
    var named = stat()
    return unsafe fstat(raw, &opened) == 0 && lstat(path, &named) == 0
      && opened.st_ino == named.st_ino && opened.st_dev == named.st_dev
  }

  private static func held(_ path: String, waited: Duration) -> HostError {
    let who =
      holder(path).map { "process \($0.pid) (\($0.command)) holds it" }
      ?? "another process holds it"
    return HostError(
      .lockHeld, operation: "acquire the lock", subject: path,
      detail: waited > .zero ? "\(who) (waited for \(waited))" : who,
      hint: "retry when that process has finished, or use a longer --lock-timeout")
  }
}
