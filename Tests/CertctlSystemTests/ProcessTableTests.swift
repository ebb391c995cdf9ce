import CertctlBase
import Glibc
import Testing

@testable import CertctlSystem

/// Processes are identified by their program, not by their title.
@Suite(.timeLimit(.minutes(5)))
struct ProcessTableTests {
  private let scratch: Scratch

  init() throws { scratch = try Scratch() }

  /// Runs `sleep` with this process title around `body`.
  private func withTitle(
    _ title: String, program: String = "/usr/bin/sleep",
    _ body: (RunningProcess) async throws -> Void
  ) async throws {
    let script = #"title=$0; (exec -a "$title" "$1" 100 >/dev/null 2>&1 & echo $!)"#
    let started = try await ProcessRunner().run(
      Command("/bin/bash", ["-c", script, title, program]))
    let pid = try #require(Int32(started.output.dropLast()))
    defer { kill(pid, SIGKILL) }
    #expect(try await eventually { ProcessTable.process(pid)?.title == "\(title) 100" })
    try await body(try #require(ProcessTable.processes(titled: title).first { $0.pid == pid }))
  }

  @Test func `a process is found with its users and its program`() async throws {
    try await withTitle("certctl test: /no/such/program") { process in
      #expect(process.users.areAll(geteuid()))
      guard case .file(let path, let facts) = process.program else {
        Issue.record("the program of an own process is to be seen")
        return
      }
      let sleep = try TrustedPath("/usr/bin/sleep", .program)
      #expect(path == sleep.resolvedPath && facts.stamp == sleep.stamp)
      #expect(!facts.isSetuid && !facts.isDeleted)
      #expect(process.started > 0)
    }
  }

  @Test func `a deleted or setuid program is detected`() async throws {
    let copy = "\(scratch.path)/sleep"
    let bytes = try #require(RegularFile.read("/usr/bin/sleep", limit: 1 << 24))
    try scratch.folder.write("sleep", bytes, FileAttributes(mode: 0o4755))
    try await withTitle("certctl test: setuid", program: copy) { process in
      guard case .file(let path, let facts) = process.program else {
        Issue.record("no program")
        return
      }
      #expect(path == copy && facts.isSetuid && !facts.isDeleted)
      unlink(copy)
      guard case .file(let gone, let later)? = ProcessTable.process(process.pid)?.program else {
        Issue.record("no program")
        return
      }
      #expect(gone == copy && later.isSetuid && later.isDeleted)
    }
  }

  @Test func `a process whose ID was reused gets no signal`() async throws {
    try await withTitle("certctl test: signal") { process in
      let other = RunningProcess(
        pid: process.pid, title: process.title, users: process.users, program: process.program,
        started: process.started + 1)
      let error = #expect(throws: HostError.self) { try ProcessTable.signal(other, SIGKILL) }
      #expect(error?.code == .notFound)
      let renamed = RunningProcess(
        pid: process.pid, title: "nginx", users: process.users, started: process.started)
      #expect(throws: HostError.self) { try ProcessTable.signal(renamed, SIGKILL) }
      #expect(kill(process.pid, 0) == 0)
      try ProcessTable.signal(process, SIGKILL)
      #expect(try await eventually { ProcessTable.process(process.pid)?.title != process.title })
    }
  }

  @Test func `the user who serves a FUSE file system is found in the mount table`() {
    let table = """
      22 1 252:0 / / rw,relatime - ext4 /dev/vda rw
      36 22 0:52 / /home/m/x rw,nosuid shared:4 - fuse.sshfs host:/ rw,user_id=1001,group_id=1001
      37 22 0:53 / /mnt rw - fuse.other x rw
      38 22 0:54 / /tmp rw - tmpfs user_id=7 rw,user_id=7
      """
    #expect(MountTable.server(in: table, device: "0:52") == 1001)
    #expect(MountTable.server(in: table, device: "0:53") == .max)
    #expect(MountTable.server(in: table, device: "0:54") == nil)
    #expect(MountTable.server(in: table, device: "252:0") == nil)
    #expect(MountTable.server(in: table, device: "0:99") == nil)
  }
}
