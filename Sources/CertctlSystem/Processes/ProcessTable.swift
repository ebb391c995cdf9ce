package import CertctlBase
internal import Glibc

/// A process of this host, as `/proc` shows it to everybody.
package struct RunningProcess: Sendable, Equatable {
  /// As whom a process runs, by the numbers of this host.
  package struct Users: Sendable, Equatable {
    /// Who started it.
    package var real: UInt32
    /// With whose rights it acts.
    package var effective: UInt32
    /// To whose rights it can return.
    package var saved: UInt32

    /// A process that has only ever been one user's.
    package init(_ user: UInt32) { (real, effective, saved) = (user, user, user) }

    /// A process that may have been another user's before.
    package init(real: UInt32, effective: UInt32, saved: UInt32) {
      (self.real, self.effective, self.saved) = (real, effective, saved)
    }

    /// Whether it has only ever been this user's.
    package func areAll(_ user: UInt32) -> Bool {
      real == user && effective == user && saved == user
    }
  }

  /// The program that a process executes.
  package enum Program: Sendable, Equatable {
    /// The file at this path.
    case file(String, ProgramFacts)
    /// This process may not look: it has fewer rights, as in a sandbox.
    case hidden
  }

  /// What the system says of a program that runs.
  package struct ProgramFacts: Sendable, Equatable {
    /// Which file it is.
    package var stamp: TrustedPath.Stamp
    /// Whether it is gone from its path, or replaced there.
    package var isDeleted: Bool
    /// Whether it takes the rights of its owner or group, whoever starts it.
    package var isSetuid: Bool

    /// Describes a program.
    package init(stamp: TrustedPath.Stamp, isDeleted: Bool, isSetuid: Bool) {
      self.stamp = stamp
      self.isDeleted = isDeleted
      self.isSetuid = isSetuid
    }
  }

  /// Its number.
  package let pid: Int32
  /// Its command line, or what it calls itself, with spaces between the words: any process may call
  /// itself anything.
  package let title: String
  /// As whom it runs.
  package let users: Users
  /// What it executes.
  package let program: Program
  /// The unit of systemd that it belongs to, such as `nginx.service`; nil when it has none.
  package let unit: String?
  /// When it started, in clock ticks since the machine did: no other process has its number, too.
  package let started: UInt64

  /// Describes a process.
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
  /// The processes whose title begins with `prefix`, by number; blocks.
  ///
  /// Those in a container are left out: their files are not ours.
  package static func processes(titled prefix: String) -> [RunningProcess] {
    processes { ProcessFolder($0)?.process(titled: prefix) { !$0.isInContainer } }
  }

  /// The same among those that descend from another process, that one included; blocks.
  ///
  /// Containers are no hindrance.
  package static func processes(
    titled prefix: String, startedBy ancestor: Int32
  ) -> [RunningProcess] {
    processes { pid in
      ProcessFolder(pid)?.process(titled: prefix) { _ in isStarted(pid, by: ancestor) }
    }
  }

  /// One process, whatever it is called; nil when it is gone; blocks.
  package static func process(_ pid: Int32) -> RunningProcess? {
    ProcessFolder(pid)?.process(titled: "") { _ in true }
  }

  /// Has a process load its configuration anew, by SIGHUP, as ``signal(_:_:)`` does; blocks.
  package static func reload(_ process: RunningProcess) throws(HostError) {
    try signal(process, SIGHUP)
  }

  /// Sends a signal to a process if it is still the one that was looked at; blocks.
  ///
  /// - Throws: `HostError` with code `notFound` when it is gone or has become another one, or what the
  ///   system says.
  static func signal(_ process: RunningProcess, _ number: Int32) throws(HostError) {
    let operation = "send a signal to"
    let subject = "process \(process.pid)"
    guard let now = self.process(process.pid), now.started == process.started,
      now.title == process.title, now.users == process.users
    else {
      throw HostError(
        .notFound, operation: operation, subject: subject, detail: "it is not the same any more",
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
