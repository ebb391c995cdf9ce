import CertctlBase
import CertctlSystem
import FoundationEssentials
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlServing

/// An engine that is reached over its socket, with scripted responses.
struct SocketEngineTests {
  /// An HTTP client that answers by method and path.
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

  private func asking<Value>(
    _ answers: [String: (Int, String)], _ ask: (SocketEngine) async throws -> Value
  ) async throws -> (Value, [HTTPRequest]) {
    try await withTemporaryFolder { folder in
      let script = Script(answers)
      // Root queries nothing but a socket.
      let path = folder.path("docker.sock")
      try #require(mknod(path, S_IFSOCK | 0o600, 0) == 0)
      let engine = SocketEngine(
        path: path, environment: EngineEnvironment([:]),
        client: { _, _ in script })
      let value = try await ask(engine)
      return (value, script.asked.withLock { $0 })
    }
  }

  private func execute(
    _ words: [String], _ answers: [String: (Int, String)]
  ) async throws -> (CommandResult, [HTTPRequest]) {
    try await asking(answers) {
      try await $0.exec(words, in: "web", within: .seconds(60), outputLimit: 1 << 20)
    }
  }

  @Test func `the socket's inspection reads like the command line's`() async throws {
    let path = "GET /containers/web/json"
    let (found, _) = try await asking(
      [path: (200, "{\"Id\":\"1\",\n\"State\":{\"Running\":true}}\n")]
    ) { try await $0.inspect("web") }
    #expect(found?.state.isRunning == true)
    let (unknown, _) = try await asking(
      [path: (404, #"{"message":"No such container: web"}"#)]
    ) { try await $0.inspect("web") }
    #expect(unknown == nil)
  }

  @Test(arguments: [
    (404, "page not found\n", "cannot query docker: page not found"),
    (404, #"{"message":"no such route"}"#, "cannot query docker: no such route"),
    (500, #"{"message":"out of memory"}"#, "cannot query docker: out of memory"),
    (200, "{}", "cannot query docker: {}"),
    (403, #"{"message":"no rights"}"#, "cannot use docker as this user: no rights"),
  ])
  func `a failed query is not an unknown container`(
    _ status: Int, _ body: String, _ message: String
  ) async throws {
    let (error, _) = try await asking(["GET /containers/web/json": (status, body)]) { engine in
      await #expect(throws: CertctlError.self) { try await engine.inspect("web") }
    }
    #expect(error?.code == .configuration)
    #expect(error?.message == message)
  }

  @Test func `exec takes three requests and returns standard error first`() async throws {
    let pieces = "\u{1}\0\0\0\0\0\0\u{4}out\n\u{2}\0\0\0\0\0\0\u{4}err\n"
    let (result, requests) = try await execute(
      ["nginx", "-g", "a b;", "-t"],
      [
        "POST /containers/web/exec": (201, #"{"Id":"0af"}"#),
        "POST /exec/0af/start": (200, pieces),
        "GET /exec/0af/json": (200, #"{"Running":false,"ExitCode":3}"#),
      ])
    #expect(result == CommandResult(ending: .exited(3), output: "err\nout\n"))
    let body = String(decoding: requests[0].body ?? [], as: UTF8.self)
    #expect(body.contains(#""Cmd":["nginx","-g","a b;","-t"]"#))
  }

  @Test func `a refused exec fails with the engine's message`() async throws {
    let (result, _) = try await execute(
      ["nginx"], ["POST /containers/web/exec": (409, #"{"message":"Container web is paused"}"#)])
    #expect(result == CommandResult(ending: .exited(1), output: "Container web is paused"))
    let (path, _) = try await execute(
      ["nginx"], ["POST /containers/web/exec": (201, #"{"Id":"../../x"}"#)])
    #expect(path.ending == .exited(1))
  }

  @Test func `running containers and those of a compose service are listed`() async throws {
    let filters = "{\"label\":[\"com.docker.compose.service=b\"]}".utf8
      .map { "%" + String($0, radix: 16, uppercase: true) }.joined()
    let list = #"[{"Names":["/b"]},{"Names":["a_1"]},{"Names":["/no name"]},{"Names":null}]"#
    let (names, _) = try await asking(
      ["GET /containers/json?all=1&filters=\(filters)": (200, list)]
    ) { try await $0.names(of: .service("b")) }
    // A container name has at least two characters.
    #expect(names == ["a_1"])
    let (running, _) = try await asking(
      ["GET /containers/json": (200, #"[{"Names":["/web"]},{"Names":["app"]}]"#)]
    ) { try await $0.names(of: .running) }
    #expect(running == ["app", "web"])
    let (none, _) = try await asking(["GET /containers/json": (500, "")]) {
      try await $0.names(of: .running)
    }
    #expect(none == [])
  }

  @Test func `the last log lines of a container become one line`() async throws {
    let path = "GET /containers/web/logs?stdout=1&stderr=1&tail=3"
    let (lines, _) = try await asking([path: (200, "\u{2}\0\0\0\0\0\0\u{6}one\nt\u{1B}")]) {
      try await $0.lastLines(of: "web")
    }
    #expect(lines == "one; t\u{1B}")
    let (none, _) = try await asking([path: (404, "")]) { try await $0.lastLines(of: "web") }
    #expect(none == "")
  }

  @Test func `a missing socket is an engine that is not running`() async throws {
    let engine = SocketEngine(
      path: "/nonexistent/docker.sock", environment: EngineEnvironment([:]))
    let error = await #expect(throws: CertctlError.self) { try await engine.inspect("web") }
    expectError(error, mentions: "docker", "not running: cannot connect")
    let result = try await engine.exec(
      ["nginx"], in: "web", within: .seconds(1), outputLimit: 1 << 10)
    #expect(result.ending == .exited(1))
    #expect(try await engine.names(of: .running) == [])
    #expect(try await engine.lastLines(of: "web") == "")
  }

  @Test func `a socket is used only if no engine program is installed`() async throws {
    try await withTemporaryFolder { folder in
      let socket = try folder.write("docker.sock", "")
      let environment = EngineEnvironment(["DOCKER_HOST": "unix://\(socket)", "OTHER": "1"])
      let runner = ScriptedRunner()
      let found = await environment.engines(in: [folder.path], runner: runner)
      #expect(found.map(\.path) == [socket])
      #expect(found.first is SocketEngine)
      #expect(found.first?.name == "docker")
      let program = try folder.write("podman", "")
      try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: program)
      let programs = await environment.engines(in: [folder.path], runner: runner)
      #expect(programs.map(\.path) == [program])
      let first = try #require(programs.first as? CommandLineEngine)
      #expect(first.name == "podman")
      #expect(first.environment.variables == ["DOCKER_HOST": "unix://\(socket)"])
    }
  }
}
