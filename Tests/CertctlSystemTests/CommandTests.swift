import CertctlBase
import Glibc
import TestSupport
import Testing

@testable import CertctlSystem

/// Commands run without a shell, with a time limit, and leave no processes behind.
@Suite(.timeLimit(.minutes(10)))
struct CommandTests {
  private let runner = ProcessRunner(grace: .milliseconds(300))

  private func sh(_ script: String, _ arguments: String...) -> Command {
    Command("/bin/sh", ["-c", script, "sh"] + arguments)
  }

  @Test func `with tellsErrorsFirst, standard error precedes standard output of any size`()
    async throws
  {
    let lines = "for i in $(seq 20000); do echo out $i; echo error $i >&2; done; exit 4"
    var command = sh(lines)
    command.outputLimit = 4 << 20
    command.tellsErrorsFirst = true
    let result = try await runner.run(command)
    #expect(result.ending == .exited(4))
    let expected =
      (1...20_000).map { "error \($0)\n" }.joined() + (1...20_000).map { "out \($0)\n" }.joined()
    #expect(result.output == expected)
    #expect(result.standardOutput == (1...20_000).map { "out \($0)\n" }.joined())

    var missing = Command("/nonexistent/program")
    missing.tellsErrorsFirst = true
    let program = missing
    await #expect(throws: HostError.self) { try await runner.run(program) }
    var slow = sh("echo first >&2; sleep 60")
    slow.tellsErrorsFirst = true
    slow.timeLimit = .milliseconds(500)
    let stopped = try await runner.run(slow)
    #expect(stopped.timedOut)
    #expect(stopped.output == "first\n")
    // A background process that holds the pipe of standard error does not delay the result.
    var leaving = sh("sleep 100 >/dev/null & echo $! >&2")
    leaving.tellsErrorsFirst = true
    let left = try await runner.run(leaving)
    let leftBehind = try #require(Int32(left.output.dropLast()))
    #expect(kill(leftBehind, SIGKILL) == 0, "it lived on")
    #expect(left.duration < .seconds(60))
  }

  @Test func `the result has the exit code, both outputs and the duration`() async throws {
    let result = try await runner.run(sh("echo out; echo err >&2; exit 3"))
    #expect(result.ending == .exited(3))
    #expect(result.output == "out\nerr\n" && result.standardOutput == nil)
    #expect(!result.succeeded && !result.timedOut)
    #expect(result.duration > .zero)
  }

  @Test func `arguments are passed unchanged`() async throws {
    let hostile = ["$(reboot)", "a b", "", "-rf", "line\nbreak", "';\"*"]
    let result = try await runner.run(
      Command("/usr/bin/printf", ["[%s]"] + hostile))
    #expect(result.output == hostile.map { "[\($0)]" }.joined())
  }

  @Test func `only a few variables are inherited`() async throws {
    setenv("HOSTIO_TEST_SECRET", "hunter2", 1)
    let command = Command("/usr/bin/env", environment: ["GIVEN": "a\nb", "TZ": "UTC"])
    let result = try await runner.run(command)
    #expect(result.output.contains("GIVEN=a\nb\n"))
    #expect(result.output.contains("TZ=UTC\n"))
    #expect(result.output.contains("PATH=/"))
    #expect(!result.output.contains("HOSTIO_TEST_SECRET"))
    let names = result.output.split(separator: "\n").compactMap { line in
      line.contains("=") ? String(line.prefix { $0 != "=" }) : nil
    }
    #expect(Set(names).isSubset(of: ["GIVEN", "PATH", "LANG", "HOME", "TZ"]))
  }

  @Test func `a child has its own session, no terminal, no blocked signals and no descriptors`()
    async throws
  {
    let lock = open("/dev/zero", O_RDONLY | O_CLOEXEC)
    defer { close(lock) }
    let script = """
      set -- $(cat /proc/$$/stat | sed 's/.*) //'); echo $(($4 == $$)) $(($3 == $$)) $5
      while read -r line; do case $line in SigBlk*|SigIgn*) echo "$line";; esac; done </proc/$$/status
      pwd; ls /proc/$$/fd
      """
    // The shell reads the file itself, because it blocks signals while it starts a program.
    let lines = try await runner.run(sh(script)).output.split(separator: "\n")
    #expect(lines[0] == "1 1 0")
    #expect(lines[1].hasSuffix("0000000000000000"))
    // Signals 32 and 33 belong to the C library.
    let ignored = try #require(UInt64(lines[2].suffix(16), radix: 16))
    #expect(ignored & 0x7fff_ffff == 0)
    #expect(lines[3] == "/")
    // No pipeline here: the shell would have its ends open for a moment.
    #expect(lines[4...] == ["0", "1", "2"])
  }

  @Test(arguments: [0, 5, 1 << 16, 1 << 20])
  func `the input arrives complete and is closed`(size: Int) async throws {
    var command = sh("wc -c")
    command.input = [UInt8](repeating: 7, count: size)
    #expect(try await runner.run(command).output == "\(size)\n")
  }

  @Test func `unread input is not an error`() async throws {
    var command = Command("/bin/true")
    command.input = [UInt8](repeating: 7, count: 1 << 16)
    for _ in 0..<20 { #expect(try await runner.run(command).succeeded) }
  }

  @Test func `concurrent programs do not inherit each other's descriptors`() async throws {
    // A background process would hold the writing end of another program's input open forever.
    var reader = sh("sleep 32 >/dev/null 2>&1 & echo $!; cat; echo; ls /proc/$$/fd")
    reader.input = Array("in".utf8)
    reader.timeLimit = .seconds(60)
    let results = try await withThrowingTaskGroup(of: CommandResult.self) { group in
      for _ in 0..<60 { group.addTask { [reader] in try await runner.run(reader) } }
      return try await group.reduce(into: [CommandResult]()) { $0.append($1) }
    }
    for result in results {
      let lines = result.output.split(separator: "\n")
      #expect(!result.timedOut)
      #expect(lines.dropFirst() == ["in", "0", "1", "2"])
      if let pid = lines.first.flatMap({ Int32($0) }) { kill(pid, SIGKILL) }
    }
  }

  @Test func `an end by a signal is distinguished from an exit code`() async throws {
    #expect(try await runner.run(sh("kill -9 $$")).ending == .signalled(SIGKILL))
  }

  @Test func `the beginning and end of long output are kept`() async throws {
    var command = sh("echo first; yes 0123456789 | head -c 3000000; echo last")
    command.outputLimit = 4000
    let output = try await runner.run(command).output
    #expect(output.hasPrefix("first\n"))
    #expect(output.hasSuffix("last\n"))
    #expect(output.contains("[... 2996011 bytes omitted ...]"))
    #expect(output.utf8.count < 4100)
  }

  @Test func `output of exactly the limit is not truncated`() {
    var output = CappedOutput(limit: 8)
    for byte in "01234567".utf8 { output.append([byte]) }
    #expect(output.text == "01234567")
    output.append(Array("89".utf8))
    #expect(output.text == "01\n[... 2 bytes omitted ...]\n456789")
  }

  @Test func `a background process neither delays the result nor is killed`() async throws {
    let command = sh("sleep 100 & echo $!")
    let result = try await runner.run(command)
    #expect(result.succeeded && result.duration < .seconds(60))
    let pid = try #require(Int32(result.output.dropLast()))
    #expect(isAlive(pid))
    kill(pid, SIGKILL)
  }

  @Test func `a time limit kills children in other process groups that ignore SIGTERM`()
    async throws
  {
    let scratch = try Scratch()
    // timeout(1) gives its child its own group; the other child ignores SIGTERM.
    let script = """
      timeout 60 sh -c 'echo $$ >> "$0/pids"; sleep 33' "$1" &
      sh -c 'trap "" TERM; echo $$ >> "$0/pids"; while :; do sleep 0.1; done' "$1" &
      echo $$ >> "$1/pids"; echo so far; wait
      """
    var command = sh(script, scratch.path)
    command.timeLimit = .seconds(1)
    let result = try await runner.run(command)
    #expect(result.timedOut && !result.succeeded)
    #expect(result.ending == .signalled(SIGTERM))
    #expect(result.output == "so far\n")
    let pids = try pids(in: scratch)
    #expect(pids.count == 3)
    for pid in pids { #expect(try await eventually { !isAlive(pid) }) }
  }

  @Test func `a program has time to clean up on SIGTERM`() async throws {
    var command = sh("trap 'sleep 0.2; echo clean; exit 0' TERM; echo go; sleep 34 & wait")
    command.timeLimit = .milliseconds(500)
    let result = try await ProcessRunner(grace: .seconds(10)).run(command)
    #expect(result.timedOut && result.ending == .exited(0))
    #expect(result.output == "go\nclean\n")
  }

  @Test func `a program that ignores SIGTERM is killed`() async throws {
    var command = sh("trap '' TERM; while :; do sleep 0.05; done")
    command.timeLimit = .milliseconds(200)
    let result = try await runner.run(command)
    #expect(result.timedOut && result.ending == .signalled(SIGKILL))
  }

  @Test func `the time limit also applies to a program that closes its output`() async throws {
    var command = sh("exec >/dev/null 2>&1; exec sleep 100")
    command.timeLimit = .milliseconds(300)
    let result = try await runner.run(command)
    #expect(result.timedOut && result.duration < .seconds(60))
  }

  @Test func `cancellation kills all processes of a command`() async throws {
    let scratch = try Scratch()
    let command = sh("sleep 36 & echo $! >> $1/pids; echo $$ >> $1/pids; wait", scratch.path)
    let task = Task { try await runner.run(command) }
    #expect(try await eventually { try pids(in: scratch).count == 2 })
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    for pid in try pids(in: scratch) { #expect(try await eventually { !isAlive(pid) }) }
  }

  @Test func `a cancelled task starts nothing`() async throws {
    let scratch = try Scratch()
    let task = Task {
      withUnsafeCurrentTask { $0?.cancel() }
      return try await runner.run(sh("echo 1 > $1/pids", scratch.path))
    }
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(try scratch.names().isEmpty)
  }

  @Test func `the error for a program that cannot run has its path and the reason`() async throws {
    let scratch = try Scratch()
    try scratch.folder.write("text", Array("hello\n".utf8), FileAttributes(mode: 0o755))
    try scratch.folder.write("lost", Array("#!/no/such\n".utf8), FileAttributes(mode: 0o755))
    try scratch.folder.write("plain", Array("#!/bin/sh\n".utf8), FileAttributes(mode: 0o644))
    let hints = [
      "text": "#!/bin/sh", "lost": "interpreter", "plain": "chmod +x", "missing": "",
    ]
    for (name, hint) in hints {
      let path = "\(scratch.path)/\(name)"
      let error = await #expect(throws: HostError.self) { try await runner.run(Command(path)) }
      expectText(error?.description, startsWith: "cannot run \(path): ")
      #expect(error?.hint?.contains(hint) ?? hint.isEmpty, "\(name): \(error as Any)")
    }
    let relative = await #expect(throws: HostError.self) { try await runner.run(Command("sh")) }
    #expect(relative?.code == .unsafePath)
    for bad in [["A=B": ""], ["": ""], ["A": "\0"]] {
      let command = Command("/bin/true", environment: bad)
      let error = await #expect(throws: HostError.self) { try await runner.run(command) }
      #expect(error?.code == .invalidRequest)
    }
  }

  private func pids(in scratch: Scratch) throws -> [Int32] {
    let text = try scratch.folder.read("pids").map { String(decoding: $0, as: UTF8.self) } ?? ""
    return text.split(separator: "\n").compactMap { Int32($0) }
  }

  /// Returns whether a process is running; a zombie is not.
  private func isAlive(_ pid: Int32) -> Bool {
    let folder = DurableFolder(path: "/proc/\(pid)", root: "/proc")
    guard let bytes = try? folder.read("stat") else { return false }
    return !String(decoding: bytes, as: UTF8.self).contains(") Z ")
  }
}
