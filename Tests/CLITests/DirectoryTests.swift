import CertctlBase
import CertctlSystem
import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// What comes of a CA that is none, or that cannot be reached.
@Suite(.timeLimit(.minutes(10)))
struct DirectoryTests {
  private static let pages: [String: ServerResponse] = [
    "/html": page("text/html", "<html><head><title>Welcome to nginx!</title></head></html>"),
    "/json": page("application/json", #"{"hello":"world"}"#),
    "/escape": page("text/html", "<title>\u{1B}]0;evil\u{07}</title>"),
    "/broken": page("application/json", #"{"newNonce":"#),
    "/busy": ServerResponse(status: 503, contentType: "text/html", body: Array("busy".utf8)),
    "/dir": page("application/json", directory),
  ]

  private static let directory = """
    {"newNonce":"https://ca.test/n","newAccount":"https://ca.test/a","newOrder":"https://ca.test/o",
    "meta":{"termsOfService":"https://ca.test/terms"}}
    """

  private static func page(_ type: String, _ text: String) -> ServerResponse {
    ServerResponse(status: 200, contentType: type, body: Array(text.utf8))
  }

  /// Runs a test with a web server that is no CA; its URL comes without a slash at the end.
  private func withServer(_ body: (CommandLineBench, String) async throws -> Void) async throws {
    let server = try await HTTPServer.start(endpoints: [Endpoint(host: "127.0.0.1", port: 0)]) {
      Self.pages[$0.path] ?? ServerResponse(status: 404)
    }
    do {
      let port = server.endpoints.first?.port ?? 0
      try await CommandLineBench.with { try await body($0, "http://127.0.0.1:\(port)") }
    } catch {
      await server.stop()
      throw error
    }
    await server.stop()
  }

  @Test(arguments: [
    ("/html", "Welcome to nginx!"), ("/json", "not an ACME directory"), ("/missing", "404"),
    ("/broken", "not an ACME directory"), ("/escape", "not an ACME directory"),
  ])
  func `a page that is no directory is quoted`(_ path: String, _ words: String) async throws {
    try await withServer { bench, url in
      let error = try await bench.fails(
        ["issue", "example.com", "--agree-tos", "--ca", url + path], exit: 1, "authority")
      #expect(error.message.contains(url + path))
      #expect(error.message.contains(words), "\(error.message)")
      #expect(error.hint.contains("directory URL"))
      #expect(!bench.folder.contains("state/accounts"))
    }
  }

  @Test func `nobody there is a matter of later`() async throws {
    try await CommandLineBench.with { bench in
      let port = try FreePort.pick()
      let result = try await bench.run(
        "issue", "example.com", "--agree-tos", "--json", "--ca", "https://127.0.0.1:\(port)/dir")
      #expect(result.exitCode == 75, "\(result)")
      let error = try #require(JSONValue(Array(result.standardOutput.utf8)))["error"]
      #expect(error["code"].string == "tryLater")
      #expect(error["isRetryable"].bool == true)
      #expect(error["message"].string?.contains("127.0.0.1") == true)
      #expect(!bench.folder.contains("state/accounts"))
    }
  }

  // MARK: - Terms

  @Test func `without a terminal the terms are shown and nobody is asked`() async throws {
    try await withServer { bench, url in
      for command in [["issue", "example.com"], ["account", "register"]] {
        let error = try await bench.fails(
          command + ["--ca", url + "/dir"], exit: 64, "termsNotAgreed")
        #expect(error.message.contains("https://ca.test/terms"))
        #expect(error.hint.contains("--agree-tos"))
      }
      #expect(!bench.folder.contains("state/accounts"))
    }
  }

  @Test(.requires("python3"))
  func `on a terminal the terms are asked for, and no is no`() async throws {
    try await withServer { bench, url in
      for answer in ["n\n", "\n", "perhaps\n", "\u{04}"] {
        let talk = try await TerminalTalk.run(
          bench, ["issue", "example.com", "--ca", url + "/dir"],
          answers: [("[y/N]", answer)])
        #expect(talk.text.contains("https://ca.test/terms"))
        #expect(talk.text.contains("not agreed to"), "\(talk.text)")
        #expect(talk.status == .exited(64))
      }
      #expect(!bench.folder.contains("state/accounts"))
    }
  }

  @Test(.requires("python3"))
  func `yes goes on to the registration`() async throws {
    try await withServer { bench, url in
      for answer in ["y\n", "YES\n"] {
        let talk = try await TerminalTalk.run(
          bench, ["account", "register", "--ca", url + "/dir"], answers: [("[y/N]", answer)])
        // This CA's resources lead nowhere, so it ends there.
        #expect(!talk.text.contains("not agreed to"), "\(talk.text)")
        #expect(talk.status != .exited(64))
      }
      #expect(bench.folder.contains("state/accounts"))
    }
  }

  @Test(.requires("python3"))
  func `with --json nobody is asked on a terminal either`() async throws {
    try await withServer { bench, url in
      let talk = try await TerminalTalk.run(
        bench, ["issue", "example.com", "--json", "--ca", url + "/dir"], answers: [])
      #expect(!talk.text.contains("[y/N]"))
      #expect(talk.text.contains("\"termsNotAgreed\""))
      #expect(talk.status == .exited(64))
    }
  }

  @Test(.requires("python3"))
  func `Ctrl-C at the question ends at once, by the signal`() async throws {
    try await withServer { bench, url in
      let talk = try await TerminalTalk.run(
        bench, ["issue", "example.com", "--ca", url + "/dir"], answers: [("[y/N]", "\u{03}")])
      #expect(talk.status == .signalled(SIGINT), "\(talk.text)")
      #expect(talk.text.contains("interrupted"))
      #expect(!bench.folder.contains("state/accounts"))
    }
  }
}
