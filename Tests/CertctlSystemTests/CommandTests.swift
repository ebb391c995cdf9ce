import CertctlBase
import Glibc
import TestSupport
import Testing

@testable import CertctlSystem

/// Programs are run without a shell, with an end, and leave nobody behind.
@Suite(.timeLimit(.minutes(10)))
struct CommandTests {
  private let runner = ProcessRunner(grace: .milliseconds(300))

  private func sh(_ script: String, _ arguments: String...) -> Command {
    Command("/bin/sh", ["-c", script, "sh"] + arguments)
  }

  @Test func `errors come first when a command says so, however much of both there is`()
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
    // Who is left behind with the errors' pipe is not waited for.
    var leaving = sh("sleep 100 >/dev/null & echo $! >&2")
    leaving.tellsErrorsFirst = true
    let left = try await runner.run(leaving)
    let leftBehind = try #require(Int32(left.output.dropLast()))
    #expect(kill(leftBehind, SIGKILL) == 0, "it lived on")
    #expect(left.duration < .seconds(60))
  }

  @Test func `exit code, both outputs and duration come back`() async throws {
    let result = try await runner.run(sh("echo out; echo err >&2; exit 3"))
    #expect(result.ending == .exited(3))
    #expect(result.output == "out\nerr\n" && result.standardOutput == nil)
    #expect(!result.succeeded && !result.timedOut)
    #expect(result.duration > .zero)
  }

  @Test func `arguments reach the program as they are`() async throws {
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

  @Test func `the child has a session, no terminal, no blocked signal and no descriptor`()
    async throws
  {
    let lock = open("/dev/zero", O_RDONLY | O_CLOEXEC)
    defer { close(lock) }
    let script = """
      set -- $(cat /proc/$$/stat | sed 's/.*) //'); echo $(($4 == $$)) $(($3 == $$)) $5
      while read -r line; do case $line in SigBlk*|SigIgn*) echo "$line";; esac; done </proc/$$/status
      pwd; ls /proc/$$/fd
      """
    // Read by the shell itself: while it starts a program, it blocks signals.
    let lines = try await runner.run(sh(script)).output.split(separator: "\n")
    #expect(lines[0] == "1 1 0")
    #expect(lines[1].hasSuffix("0000000000000000"))
    // 32 and 33 are the C library's own.
    let ignored = try #require(UInt64(lines[2].suffix(16), radix: 16))
    #expect(ignored & 0x7fff_ffff == 0)
    #expect(lines[3] == "/")
    // Without a pipeline, whose ends the shell itself has open for a moment.
    #expect(lines[4...] == ["0", "1", "2"])
  }

  @Test(arguments: [0, 5, 1 << 16, 1 << 20])
  func `the input arrives whole, and ends`(size: Int) async throws {
    var command = sh("wc -c")
    command.input = [UInt8](repeating: 7, count: size)
    #expect(try await runner.run(command).output == "\(size)\n")
  }

  @Test func `an input that nobody reads is no trouble`() async throws {
    var command = Command("/bin/true")
    command.input = [UInt8](repeating: 7, count: 1 << 16)
    for _ in 0..<20 { #expect(try await runner.run(command).succeeded) }
  }

  @Test func `programs side by side do not keep each other's descriptors`() async throws {
    // What stays running would hold the writing end of another's input for ever.
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

  @Test func `the end by a signal is told from an exit code`() async throws {
    #expect(try await runner.run(sh("kill -9 $$")).ending == .signalled(SIGKILL))
  }

  @Test func `beginning and end of a long output are kept`() async throws {
    var command = sh("echo first; yes 0123456789 | head -c 3000000; echo last")
    command.outputLimit = 4000
    let output = try await runner.run(command).output
    #expect(output.hasPrefix("first\n"))
    #expect(output.hasSuffix("last\n"))
    #expect(output.contains("[... 2996011 bytes omitted ...]"))
    #expect(output.utf8.count < 4100)
  }

  @Test func `output of exactly the limit is left whole`() {
    var output = CappedOutput(limit: 8)
    for byte in "01234567".utf8 { output.append([byte]) }
    #expect(output.text == "01234567")
    output.append(Array("89".utf8))
    #expect(output.text == "01\n[... 2 bytes omitted ...]\n456789")
  }

  @Test func `what is left running neither delays the end nor dies`() async throws {
    let command = sh("sleep 100 & echo $!")
    let result = try await runner.run(command)
    #expect(result.succeeded && result.duration < .seconds(60))
    let pid = try #require(Int32(result.output.dropLast()))
    #expect(isAlive(pid))
    kill(pid, SIGKILL)
  }

  @Test func `a time limit ends children in other groups that ignore SIGTERM`() async throws {
    let scratch = try Scratch()
    // timeout(1) gives its child a group of its own; the others refuse to go.
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

  @Test func `a program that cleans up on SIGTERM has the time for it`() async throws {
    var command = sh("trap 'sleep 0.2; echo clean; exit 0' TERM; echo go; sleep 34 & wait")
    command.timeLimit = .milliseconds(500)
    let result = try await ProcessRunner(grace: .seconds(10)).run(command)
    #expect(result.timedOut && result.ending == .exited(0))
    #expect(result.output == "go\nclean\n")
  }

  @Test func `one that ignores SIGTERM is killed`() async throws {
    var command = sh("trap '' TERM; while :; do sleep 0.05; done")
    command.timeLimit = .milliseconds(200)
    let result = try await runner.run(command)
    #expect(result.timedOut && result.ending == .signalled(SIGKILL))
  }

  @Test func `a program that closes its output has the time limit too`() async throws {
    var command = sh("exec >/dev/null 2>&1; exec sleep 100")
    command.timeLimit = .milliseconds(300)
    let result = try await runner.run(command)
    #expect(result.timedOut && result.duration < .seconds(60))
  }

  @Test func `cancellation ends all of it`() async throws {
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

  @Test func `what cannot be run is named with a reason`() async throws {
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

  /// Whether a process runs; one that only waits to be collected does not.
  private func isAlive(_ pid: Int32) -> Bool {
    let folder = DurableFolder(path: "/proc/\(pid)", root: "/proc")
    guard let bytes = try? folder.read("stat") else { return false }
    return !String(decoding: bytes, as: UTF8.self).contains(") Z ")
  }
}
