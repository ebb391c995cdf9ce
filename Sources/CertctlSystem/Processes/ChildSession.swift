internal import CertctlBase
internal import Glibc

/// The session of a child: all of its descendants that have not left the session.
///
/// A process group is not enough: shells with job control and `timeout` create groups of their own.
/// The leader must not have been waited for: until then no other process, session or group has its
/// number.
struct ChildSession: Sendable {
  let leader: pid_t

  /// Sends SIGTERM to all processes, and after `grace` SIGKILL to those that are left.
  func end(grace: Duration) async {
    await send(SIGTERM)
    // A stopped process handles SIGTERM only after it continues.
    await send(SIGCONT)
    let deadline = ContinuousClock.now + grace
    while await !isOver() {
      guard ContinuousClock.now < deadline else { return await kill() }
      try? await Task.sleep(for: .milliseconds(20))
    }
  }

  /// Whether the leader has ended; its exit status is not collected.
  var leaderHasEnded: Bool {
    var information = unsafe siginfo_t()
    let answer = unsafe waitid(
      P_PID, id_t(leader), &information, WEXITED | WNOHANG | WNOWAIT)
    let signal = unsafe information.si_signo
    return answer != 0 || signal == SIGCHLD
  }

  /// Sends SIGKILL repeatedly, because a process that forks meanwhile is not in the first list.
  private func kill() async {
    for _ in 0..<50 {
      await send(SIGKILL)
      if await isOver() { return }
      try? await Task.sleep(for: .milliseconds(10))
    }
  }

  private func isOver() async -> Bool {
    guard let groups = await groups() else { return leaderHasEnded }
    return groups.isEmpty
  }

  private func send(_ signal: Int32) async {
    for group in Set([leader]).union(await groups() ?? []) {
      _ = Glibc.kill(-group, signal)
    }
  }

  /// Returns the process groups of the running processes in the session; nil if /proc is
  /// unavailable.
  private func groups() async -> Set<pid_t>? {
    try? await Blocking.run { try Self.groups(inSession: leader) }
  }

  private static func groups(inSession session: pid_t) throws(HostError) -> Set<pid_t> {
    var groups: Set<pid_t> = []
    for name in try Descriptor.folder("/proc").names(subject: "/proc") where Int32(name) != nil {
      let folder = DurableFolder(path: "/proc/\(name)", root: "/proc")
      // The process may have ended meanwhile.
      guard let bytes = try? folder.read("stat", limit: 1 << 16) else { continue }
      // "12 (name) S parent group session ...": the name may contain anything, even parentheses.
      let fields =
        String(decoding: bytes, as: UTF8.self).split(separator: ")").last?
        .split(separator: " ") ?? []
      guard fields.count > 3, fields[0] != "Z", fields[0] != "X", Int32(fields[3]) == session,
        let group = Int32(fields[2])
      else { continue }
      groups.insert(group)
    }
    return groups
  }
}
