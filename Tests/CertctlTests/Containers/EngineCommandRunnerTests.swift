import CertctlBase
import FoundationEssentials
import HostIO
import Synchronization
import TestSupport
import Testing

@testable import Certctl

/// An engine without a command line, by its socket: its answers are scripted here.
struct EngineCommandRunnerTests {
  /// Answers by the method and the path.
  private final class Script: HTTPClient {
    let answers: [String: (Int, [UInt8])]
    let asked = Mutex<[HTTPRequest]>([])

    init(_ answers: [String: (Int, String)]) {
      self.answers = answers.mapValues { ($0.0, Array($0.1.utf8)) }
    }

    func send(_ request: HTTPRequest) async throws -> HTTPResponse {
      asked.withLock { $0.append(request) }
      let key = "\(request.method.rawValue) " + request.url.dropFirst("http://localhost".count)
      let (status, body) = try #require(answers[key], "nobody expected \(key)")
      return HTTPResponse(status: status, body: body)
    }
  }

  private func run(
    _ words: [String], _ answers: [String: (Int, String)]
  ) async throws -> (CommandResult, [HTTPRequest]) {
    try await withTemporaryFolder { folder in
      let socket = try folder.write("docker.sock", "")
      let script = Script(answers)
      var runner = EngineCommandRunner(programs: ScriptedEngine([:]))
      runner.client = { _, _ in script }
      let result = try await runner.run(Command(socket, words))
      return (result, script.asked.withLock { $0 })
    }
  }

  @Test func `an inspection reads as that of the command line`() async throws {
    let (result, _) = try await run(
      ["inspect", "--type", "container", "web"],
      ["GET /containers/web/json": (200, "{\"Id\":\"1\",\n\"State\":{\"Running\":true}}\n")])
    #expect(result.succeeded)
    #expect(ContainerInspection(output: result.output)?.state.isRunning == true)
    let (unknown, _) = try await run(
      ["inspect", "--type", "container", "web"],
      ["GET /containers/web/json": (404, #"{"message":"No such container: web"}"#)])
    #expect(unknown.ending == .exited(1))
    #expect(unknown.output == "No such container: web")
  }

  @Test func `a command runs in three requests, and errors come first`() async throws {
    let pieces = "\u{1}\0\0\0\0\0\0\u{4}out\n\u{2}\0\0\0\0\0\0\u{4}err\n"
    let (result, requests) = try await run(
      ["exec", "web", "nginx", "-g", "a b;", "-t"],
      [
        "POST /containers/web/exec": (201, #"{"Id":"0af"}"#),
        "POST /exec/0af/start": (200, pieces),
        "GET /exec/0af/json": (200, #"{"Running":false,"ExitCode":3}"#),
      ])
    #expect(result.ending == .exited(3))
    #expect(result.output == "err\nout\n")
    let body = String(decoding: requests[0].body ?? [], as: UTF8.self)
    #expect(body.contains(#""Cmd":["nginx","-g","a b;","-t"]"#))
  }

  @Test func `what the engine refuses is told in its words`() async throws {
    let (result, _) = try await run(
      ["exec", "web", "nginx"],
      ["POST /containers/web/exec": (409, #"{"message":"Container web is paused"}"#)])
    #expect(
      result
        == CommandResult(
          ending: .exited(1), output: "Container web is paused", duration: result.duration))
    let (path, _) = try await run(
      ["exec", "web", "nginx"],
      ["POST /containers/web/exec": (201, #"{"Id":"../../x"}"#)])
    #expect(path.ending == .exited(1))
  }

  @Test func `names are listed by a label`() async throws {
    let filters = "{\"label\":[\"a=b\"]}".utf8
      .map { "%" + String($0, radix: 16, uppercase: true) }.joined()
    let (result, _) = try await run(
      ["ps", "--all", "--filter", "label=a=b", "--format", "{{.Names}}"],
      [
        "GET /containers/json?all=1&filters=\(filters)": (
          200, #"[{"Names":["/a"]},{"Names":["b"]}]"#
        )
      ])
    #expect(result.output == "a\nb")
  }

  @Test func `no socket, and other programs`() async throws {
    let runner = EngineCommandRunner(programs: ScriptedEngine(["x": .said("y")]))
    let none = try await runner.run(Command("/nonexistent/docker.sock", ["inspect", "web"]))
    #expect(none.ending == .exited(1))
    let failure = ContainerEngine(executable: "/nonexistent/docker.sock", environment: [:])
      .failure(none)
    #expect(failure.message.hasPrefix("the engine of docker is not running"))
    #expect(try await runner.run(Command("/bin/echo", ["x"])).output == "y")
  }

  @Test func `sockets count where no command line is`() async throws {
    try await withTemporaryFolder { folder in
      let socket = try folder.write("docker.sock", "")
      let environment = ["DOCKER_HOST": "unix://\(socket)", "OTHER": "1"]
      let found = ContainerEngine.installed(in: [folder.path], environment: environment)
      #expect(found.map(\.executable) == [socket])
      #expect(found.first?.name == "docker")
      let program = try folder.write("podman", "")
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
      let programs = ContainerEngine.installed(in: [folder.path], environment: environment)
      #expect(programs.map(\.executable) == [program])
      #expect(programs.first?.environment == ["DOCKER_HOST": "unix://\(socket)"])
    }
  }
}
