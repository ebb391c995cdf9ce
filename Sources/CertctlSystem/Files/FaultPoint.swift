package import CertctlBase
internal import Glibc
internal import Synchronization

/// Points at which a debug build can be made to crash or to run out of disk space.
///
/// Crash tests run a child for each step and read what it left behind. Environment variables
/// control it:
/// - `CERTCTL_FAULT_TRACE=FILE` appends the name of each step, one per line;
/// - `CERTCTL_FAULT_KILL=N` kills the process with SIGKILL right before step N, counted from 1;
/// - `CERTCTL_FAULT_INTERRUPT=N` sends the process SIGINT there, as Ctrl-C does, and continues;
/// - `CERTCTL_FAULT_ENOSPC=N` makes step N fail like a full disk.
///
/// A release build contains none of this.
package enum FaultPoint {
  /// Marks the point right before a system call that changes something durable.
  package static func step(_ name: @autoclosure () -> String) throws(HostError) {
    #if DEBUG
      try (script ?? environment)?.pass(name())
    #endif
  }

  #if DEBUG
    /// The script of a test in this process, which takes precedence over the environment.
    @TaskLocal static var script: FaultScript?

    private static let environment = FaultScript(
      trace: variable("CERTCTL_FAULT_TRACE"),
      kill: variable("CERTCTL_FAULT_KILL").flatMap { Int($0) },
      interrupt: variable("CERTCTL_FAULT_INTERRUPT").flatMap { Int($0) },
      diskFull: variable("CERTCTL_FAULT_ENOSPC").flatMap { Int($0) })

    private static func variable(_ name: String) -> String? {
      guard let value = unsafe getenv(name) else { return nil }
      return unsafe String(cString: value)
    }
  #endif
}

#if DEBUG
  /// Counts the steps and acts at the configured ones.
  final class FaultScript: Sendable {
    private let trace: String?
    private let kill: Int?
    private let interrupt: Int?
    private let diskFull: Int?
    private let seen = Mutex<[String]>([])

    /// Creates a script; nil if it would do nothing.
    init?(trace: String?, kill: Int?, interrupt: Int? = nil, diskFull: Int?) {
      if trace == nil, kill == nil, interrupt == nil, diskFull == nil { return nil }
      self.trace = trace
      self.kill = kill
      self.interrupt = interrupt
      self.diskFull = diskFull
    }

    /// The names of the steps so far.
    var steps: [String] { seen.withLock { $0 } }

    func pass(_ name: String) throws(HostError) {
      let number = seen.withLock { seen in
        seen.append(name)
        return seen.count
      }
      if let trace, !trace.isEmpty { append(name + "\n", to: trace) }
      if number == kill { Glibc.kill(getpid(), SIGKILL) }
      if number == interrupt { Glibc.kill(getpid(), SIGINT) }
      if number == diskFull {
        throw HostError(errno: ENOSPC, operation: "pass the fault point", subject: name)
      }
    }

    private func append(_ line: String, to path: String) {
      let file = unsafe open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0o600)
      guard file >= 0 else { return }
      let bytes = Array(line.utf8)
      _ = unsafe bytes.withUnsafeBytes { unsafe Glibc.write(file, $0.baseAddress, $0.count) }
      close(file)
    }
  }
#endif
