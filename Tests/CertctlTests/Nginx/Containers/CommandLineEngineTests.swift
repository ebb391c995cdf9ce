import CertctlSystem
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlServing

/// The commands that run an engine's program, and how their output is read.
struct CommandLineEngineTests {
  private func engine(
    _ runner: ScriptedRunner, _ environment: [String: String] = [:]
  ) -> CommandLineEngine {
    CommandLineEngine(
      path: "/usr/bin/docker", environment: EngineEnvironment(environment), runner: runner)
  }

  private func failure(_ result: CommandResult) async -> CertctlError? {
    await #expect(throws: CertctlError.self) {
      try await engine(ScriptedRunner(["inspect": result])).inspect("web")
    }
  }

  @Test(arguments: [
    "Error: No such container: web", "Error: No such object: web",
    "Error: inspecting object: no such container web",
    "Error: no container with name or ID \"web\" found: no such container",
  ])
  func `an unknown container is not an engine failure`(_ words: String) async throws {
    let runner = ScriptedRunner(["inspect": .failed("[]\n" + words)])
    #expect(try await engine(runner).inspect("web") == nil)
    #expect(runner.commands.map(\.arguments) == [["inspect", "--type", "container", "web"]])
  }

  @Test func `each kind of engine failure has its own error`() async {
    let stopped = await failure(
      .failed(
        "[]\nCannot connect to the Docker daemon at unix:///var/run/docker.sock. "
          + "Is the docker daemon running?"))
    expectError(
      stopped, code: .configuration, mentions: "not running: Cannot connect",
      hint: "systemctl start docker")
    let forbidden = await failure(
      .failed("permission denied while trying to connect to the Docker daemon socket at unix:///x"))
    expectError(forbidden, code: .configuration, hint: "root")
    let silent = await failure(CommandResult(ending: .signalled(15), timedOut: true))
    expectError(
      silent, code: .configuration, mentions: "/usr/bin/docker", "no response in time")
    let other = await failure(.failed("[]\nno\u{1B}\n"))
    expectError(other, mentions: "docker", endsWith: ": no\u{1B}")
  }

  @Test(arguments: ["tcp://192.0.2.1:2376", "ssh://me@example.com"])
  func `an engine on another host is not queried`(_ host: String) async {
    let runner = ScriptedRunner()
    let error = await #expect(throws: CertctlError.self) {
      try await engine(runner, ["DOCKER_HOST": host]).inspect("web")
    }
    #expect(error?.code == .configuration)
    #expect(error?.message.contains("DOCKER_HOST") == true)
    #expect(runner.commands.isEmpty)
  }

  @Test func `exec runs a program with the engine's environment`() async throws {
    let variables = ["DOCKER_HOST": "unix:///run/x.sock"]
    let runner = ScriptedRunner(["exec": .said("ok")])
    let result = try await engine(runner, variables)
      .exec(["nginx", "-t"], in: "web", within: .seconds(5), outputLimit: 7)
    #expect(result.output == "ok")
    let command = try #require(runner.commands.first)
    #expect(command.executable == "/usr/bin/docker")
    #expect(command.arguments == ["exec", "web", "nginx", "-t"])
    #expect(command.environment == variables)
    #expect(command.timeLimit == .seconds(5) && command.outputLimit == 7)
    #expect(command.tellsErrorsFirst)
  }

  @Test func `container names are listed without invalid ones`() async throws {
    let runner = ScriptedRunner(["ps --all": .said("a_web_1\n"), "ps": .said("proxy\ncloud\n$x\n")])
    #expect(try await engine(runner).names(of: .running) == ["cloud", "proxy"])
    #expect(try await engine(runner).names(of: .service("web")) == ["a_web_1"])
    #expect(
      runner.commands.map(\.arguments) == [
        ["ps", "--format", "{{.Names}}"],
        [
          "ps", "--all", "--filter", "label=com.docker.compose.service=web", "--format",
          "{{.Names}}",
        ],
      ])
    let failing = ScriptedRunner(["ps": .failed("no")])
    #expect(try await engine(failing).names(of: .running) == [])
  }

  @Test func `the last log lines of a container become one line`() async throws {
    let runner = ScriptedRunner(["logs": .said("one\ntwo\u{1B}[2J\n")])
    #expect(try await engine(runner).lastLines(of: "web") == "one; two\u{1B}[2J")
    #expect(runner.commands.map(\.arguments) == [["logs", "--tail", "3", "web"]])
    let failing = ScriptedRunner(["logs": .failed("no")])
    #expect(try await engine(failing).lastLines(of: "web") == "")
  }
}
