import Glibc
import TestSupport
import Testing

/// Tests of the test harness.
@Suite(.timeLimit(.minutes(15)))
struct HarnessTests {
  @Test func `a command returns its exit code and both outputs`() async throws {
    let result = try await Program("sh", ["-c", "echo out; echo err >&2; exit 3"]).run()
    #expect(result.status == .exited(3))
    #expect(result.standardOutput == "out\n")
    #expect(result.standardError == "err\n")
  }

  @Test func `a command reads its input and the changed environment`() async throws {
    let program = Program(
      "sh", ["-c", "cat; echo $A-${HOME-none}"], environment: ["A": "b", "HOME": nil])
    let result = try await program.run(input: "in\n")
    #expect(result.standardOutput == "in\nb-none\n")
  }

  @Test func `a signal is distinguished from an exit code`() async throws {
    let result = try await Program("sleep", ["60"]).run { $0.send(SIGINT) }
    #expect(result.status == .signalled(SIGINT))
  }

  @Test func `output can be awaited before a signal is sent`() async throws {
    let script = "trap 'echo bye; exit 7' TERM; echo hello; while :; do sleep 0.01; done"
    let result = try await Program("sh", ["-c", script]).run { running in
      try await running.waitForOutput("hello")
      running.send(SIGTERM)
    }
    #expect(result.exitCode == 7)
    #expect(result.standardOutput == "hello\nbye\n")
  }

  @Test func `a command that takes too long is killed with its children`() async throws {
    try await withTemporaryFolder { folder in
      let script = "sleep 61 & echo $! > \(folder.path("pid")); echo so far; wait"
      let error = await #expect(throws: HarnessError.self) {
        try await Program("sh", ["-c", script]).run(within: .milliseconds(300))
      }
      expectText(error?.description, mentions: "so far")
      try await expectGone(folder.read("pid"))
    }
  }

  @Test func `a server is stopped with its children when its scope ends`() async throws {
    try await withTemporaryFolder { folder in
      let script = "sleep 62 & echo $! > \(folder.path("pid")); echo ready; wait"
      let pid = try await Program("sh", ["-c", script]).serve {
        $0.standardOutput.contains("ready")
      } _: {
        $0.pid
      }
      try await expectGone("\(pid)")
      try await expectGone(folder.read("pid"))
    }
  }

  @Test func `a server is killed when the test is cancelled`() async throws {
    try await withTemporaryFolder { folder in
      let script = "trap '' TERM; echo $$ > \(folder.path("pid")); while :; do sleep 0.05; done"
      let task = Task {
        try await Program("sh", ["-c", script]).serve { _ in
          true
        } _: { _ in
          try await Task.sleep(for: .seconds(60))
        }
      }
      try await poll("the server") { folder.read("pid")?.hasSuffix("\n") == true }
      task.cancel()
      await #expect(throws: CancellationError.self) { try await task.value }
      try await expectGone(folder.read("pid"))
    }
  }

  @Test func `a server that exits immediately is an error with its output`() async throws {
    let program = Program("sh", ["-c", "echo no such luck; exit 1"])
    let error = await #expect(throws: HarnessError.self) {
      try await program.serve(isReady: { _ in false }) { _ in }
    }
    expectText(error?.description, mentions: "no such luck")
  }

  @Test func `a program that is not installed is named`() async throws {
    let error = await #expect(throws: HarnessError.self) {
      try await Program("certctl-no-such-program").run()
    }
    #expect(error?.description == "certctl-no-such-program is not installed")
  }

  @Test func `a temporary folder is removed after its scope`() async throws {
    let path = try await withTemporaryFolder { folder in
      try folder.write("a/b", "text")
      #expect(folder.read("a/b") == "text")
      return folder.path
    }
    #expect(access(path, F_OK) != 0)
  }

  @Test func `a port is not returned twice`() throws {
    let ports = try (0..<50).map { _ in try FreePort.pick() }
    #expect(Set(ports).count == 50)
    #expect(ports.allSatisfy { !acceptsConnections($0) })
  }

  @Test func `the certctl binary is found beside the tests`() async throws {
    let result = try await CertctlBinary.locate().run(["--help"])
    #expect(result.exitCode == 0)
    #expect(result.standardOutput.contains("USAGE: certctl"))
  }

  /// Waits until a process is gone or a zombie.
  private func expectGone(_ text: String?) async throws {
    let digits = try #require(text).prefix { $0.isNumber }
    let pid = try #require(Int32(digits))
    try await poll("the end of process \(pid)", within: .seconds(5)) {
      let state = readText("/proc/\(pid)/stat")?.split(separator: " ").dropFirst(2).first
      return kill(pid, 0) != 0 || state == "Z"
    }
  }
}
