package import CertctlBase
internal import Glibc
internal import Synchronization

/// Delivers signals as a stream, instead of ending the process.
///
/// It sets handlers instead of ignoring the signals, because children inherit ignored signals but
/// not handlers. From the first watcher on, SIGPIPE does not end the process either: a closed
/// output (`certctl ... 2>&1 | head`) must not leave a challenge behind.
package final class SignalWatcher: Sendable {
  /// The received signals; ends at `stop`.
  package let signals: AsyncStream<Int32>
  private let continuation: AsyncStream<Int32>.Continuation
  private let watched: [Int32]
  private let isStopped = Atomic(false)

  /// The descriptor that handlers write to; -1 without a watcher.
  private static let pipe = Atomic<Int32>(-1)

  /// Starts watching; there can be only one watcher at a time.
  ///
  /// - Throws: `HostError` if there is another watcher.
  package init(_ signals: [Int32] = [SIGINT, SIGTERM, SIGHUP]) throws(HostError) {
    var ends: [Int32] = [-1, -1]
    guard unsafe Glibc.pipe(&ends) == 0 else {
      throw HostError(errno: errno, operation: "watch signals", subject: nil)
    }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    // A full pipe must not block a handler.
    _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
    let isFirst = Self.pipe.compareExchange(
      expected: -1, desired: ends[1], ordering: .acquiringAndReleasing
    ).exchanged
    (self.signals, continuation) = AsyncStream.makeStream()
    watched = signals
    guard isFirst else {
      for end in ends { close(end) }
      throw HostError(
        .alreadyExists, operation: "watch signals", detail: "another watcher is active")
    }
    let reader = ends[0]
    let isRunning = Thread.start { [continuation] in Self.read(reader, continuation) }
    guard isRunning else {
      Self.pipe.store(-1, ordering: .releasing)
      for end in ends { close(end) }
      throw HostError(.io, operation: "watch signals", detail: "cannot create a thread")
    }
    if Self.isIgnore(signal(SIGPIPE, { _ in })) { _ = signal(SIGPIPE, SIG_IGN) }
    for number in signals {
      let before = signal(number, Self.handler)
      // Keep ignoring signals that the parent ignored, as with nohup.
      if Self.isIgnore(before) { _ = signal(number, SIG_IGN) }
    }
  }

  /// Restores the default handlers; a second call does nothing.
  package func stop() {
    guard !isStopped.exchange(true, ordering: .acquiringAndReleasing) else { return }
    for number in watched {
      if Self.isIgnore(signal(number, SIG_DFL)) { _ = signal(number, SIG_IGN) }
    }
    let writer = Self.pipe.exchange(-1, ordering: .acquiringAndReleasing)
    // The reading thread then sees the end of the pipe.
    if writer >= 0 { close(writer) }
    continuation.finish()
  }

  /// Ends this process with the signal, so that its parent sees the cause.
  package static func end(by number: Int32) {
    _ = signal(number, SIG_DFL)
    // The threads of the concurrency pool have all signals blocked, and a blocked signal would stay
    // pending instead of ending the process.
    var only = sigset_t()
    unsafe sigemptyset(&only)
    unsafe sigaddset(&only, number)
    unsafe pthread_sigmask(SIG_UNBLOCK, &only, nil)
    raise(number)
  }

  private static func isIgnore(_ handler: __sighandler_t?) -> Bool {
    unsafe unsafeBitCast(handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
  }

  /// Uses only async-signal-safe calls: an atomic load, and write(2).
  private static let handler: @convention(c) (Int32) -> Void = { number in
    let before = errno
    let writer = SignalWatcher.pipe.load(ordering: .acquiring)
    var byte = UInt8(truncatingIfNeeded: number)
    if writer >= 0 { _ = unsafe Glibc.write(writer, &byte, 1) }
    errno = before
  }

  private static func read(_ reader: Int32, _ continuation: AsyncStream<Int32>.Continuation) {
    defer { close(reader) }
    while true {
      var byte: UInt8 = 0
      let count = unsafe Glibc.read(reader, &byte, 1)
      if count == 1 {
        continuation.yield(Int32(byte))
      } else if count == 0 || errno != EINTR {
        return
      }
    }
  }
}
