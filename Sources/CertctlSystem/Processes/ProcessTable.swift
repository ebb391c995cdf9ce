package import CertctlBase
internal import Glibc

/// A process of this host, as `/proc` shows it.
package struct RunningProcess: Sendable, Equatable {
  /// The users of a process, in user numbers of this host.
  package struct Users: Sendable, Equatable {
    /// The real user, who started it.
    package var real: UInt32
    /// The effective user, whose rights it has.
    package var effective: UInt32
    /// The saved user, to whose rights it can return.
    package var saved: UInt32

    /// Creates the users of a process that has only ever had one user.
    package init(_ user: UInt32) { (real, effective, saved) = (user, user, user) }

    /// Creates the users of a process that may have had other users before.
    package init(real: UInt32, effective: UInt32, saved: UInt32) {
      (self.real, self.effective, self.saved) = (real, effective, saved)
    }

    /// Returns whether all of them are this user.
    package func areAll(_ user: UInt32) -> Bool {
      real == user && effective == user && saved == user
    }
  }

  /// The program that a process executes.
  package enum Program: Sendable, Equatable {
    /// The file at this path.
    case file(String, ProgramFacts)
    /// Hidden, because this process lacks the rights, as in a sandbox.
    case hidden
  }

  /// The status of a running program.
  package struct ProgramFacts: Sendable, Equatable {
    /// The stamp of the file.
    package var stamp: TrustedPath.Stamp
    /// Whether it was deleted from its path, or replaced there.
    package var isDeleted: Bool
    /// Whether it is setuid or setgid.
    package var isSetuid: Bool

    /// Creates a description of a program.
    package init(stamp: TrustedPath.Stamp, isDeleted: Bool, isSetuid: Bool) {
      self.stamp = stamp
      self.isDeleted = isDeleted
      self.isSetuid = isSetuid
    }
  }

  /// The process number.
  package let pid: Int32
  /// The command line or title, with spaces between the words; a process can choose any title.
  package let title: String
  /// The users of the process.
  package let users: Users
  /// The program that it executes.
  package let program: Program
  /// The systemd unit, such as `nginx.service`; nil for none.
  package let unit: String?
  /// The start time in clock ticks since boot, which tells apart processes with the same number.
  package let started: UInt64

  /// Creates a description of a process.
  package init(
    pid: Int32, title: String, unit: String? = nil, users: Users = Users(geteuid()),
    program: Program = .hidden, started: UInt64 = 0
  ) {
    self.pid = pid
    self.title = title
    self.unit = unit
    self.users = users
    self.program = program
    self.started = started
  }
}

/// The processes of this host.
package enum ProcessTable {
  /// Returns the processes whose title begins with `prefix`, by number; blocks.
  ///
  /// Processes in containers are left out, because their paths are not those of this host.
  package static func processes(titled prefix: String) -> [RunningProcess] {
    processes { ProcessFolder($0)?.process(titled: prefix) { !$0.isInContainer } }
  }

  /// Returns such processes among the descendants of a process, including itself; blocks.
  ///
  /// Processes in containers are included.
  package static func processes(
    titled prefix: String, startedBy ancestor: Int32
  ) -> [RunningProcess] {
    processes { pid in
      ProcessFolder(pid)?.process(titled: prefix) { _ in isStarted(pid, by: ancestor) }
    }
  }

  /// Returns one process, whatever its title; nil if it has ended; blocks.
  package static func process(_ pid: Int32) -> RunningProcess? {
    ProcessFolder(pid)?.process(titled: "") { _ in true }
  }

  /// Makes a process reload its configuration with SIGHUP, like ``signal(_:_:)``; blocks.
  package static func reload(_ process: RunningProcess) throws(HostError) {
    try signal(process, SIGHUP)
  }

  /// Sends a signal to a process if it is still the same one; blocks.
  ///
  /// - Throws: `HostError` with code `notFound` if it has ended or changed, or the system's error.
  static func signal(_ process: RunningProcess, _ number: Int32) throws(HostError) {
    let operation = "send a signal to"
    let subject = "process \(process.pid)"
    guard let now = self.process(process.pid), now.started == process.started,
      now.title == process.title, now.users == process.users
    else {
      throw HostError(
        .notFound, operation: operation, subject: subject, detail: "it has ended or changed",
        isRetryable: true)
    }
    try Descriptor.call(operation, subject) { kill(process.pid, number) }
  }

  private static func processes(
    _ look: (Int32) -> RunningProcess?
  ) -> [RunningProcess] {
    let names = (try? Descriptor.folder("/proc").names(subject: "/proc")) ?? []
    return names.compactMap { Int32($0) }.sorted().compactMap(look)
  }
}
