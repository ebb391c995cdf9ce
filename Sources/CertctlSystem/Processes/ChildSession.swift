internal import CertctlBase
internal import Glibc

/// The session that a child leads, with all who descend from it and did not leave it.
///
/// A process group is not enough: shells with job control and `timeout` put what they start into
/// groups of its own. Its leader must not have been waited for: until then its number, which names
/// session and group, is nobody else's.
struct ChildSession: Sendable {
  let leader: pid_t

  /// Asks all to end by SIGTERM, and after `grace` ends those that are left by SIGKILL.
  func end(grace: Duration) async {
    await send(SIGTERM)
    // Who is stopped hears of it only when it goes on.
    await send(SIGCONT)
    let deadline = ContinuousClock.now + grace
    while await !isOver() {
      guard ContinuousClock.now < deadline else { return await kill() }
      try? await Task.sleep(for: .milliseconds(20))
    }
  }

  /// Whether the leader has ended; its exit status stays for the one who collects it.
  var leaderHasEnded: Bool {
    var information = unsafe siginfo_t()
    let answer = unsafe waitid(
      P_PID, id_t(leader), &information, WEXITED | WNOHANG | WNOWAIT)
    let signal = unsafe information.si_signo
    return answer != 0 || signal == SIGCHLD
  }

  /// Again and again: who forks at the wrong moment is not in the list of the first time.
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

  /// The process groups of those in the session that still run; nil when /proc does not tell.
  private func groups() async -> Set<pid_t>? {
    try? await Blocking.run { try Self.groups(inSession: leader) }
  }

  private static func groups(inSession session: pid_t) throws(HostError) -> Set<pid_t> {
    var groups: Set<pid_t> = []
    for name in try Descriptor.folder("/proc").names(subject: "/proc") where Int32(name) != nil {
      let folder = DurableFolder(path: "/proc/\(name)", root: "/proc")
      // A process that ends meanwhile is no longer of interest.
      guard let bytes = try? folder.read("stat", limit: 1 << 16) else { continue }
      // "12 (name) S parent group session ...": the name may hold anything, parentheses too.
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
