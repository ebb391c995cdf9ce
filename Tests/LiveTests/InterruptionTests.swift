import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// Ctrl-C and SIGTERM while the CA validates.
@Suite(.timeLimit(.minutes(15)))
struct InterruptionTests {
  /// A validation delay in seconds that outlasts every test.
  private static let forever = 1_000_000

  @Test(.needsPebble, arguments: [SIGINT, SIGTERM, SIGHUP])
  func `a signal terminates issue, which leaves nothing behind and frees the port`(
    signal: Int32
  ) async throws {
    try await LiveHost.run {
      $0.validationSleepSeconds = Self.forever
    } _: { host in
      try await interrupt(host, by: host.standalone, with: signal) {
        #expect(acceptsConnections(host.pebble.httpPort))
      }
      #expect(!acceptsConnections(host.pebble.httpPort))
      expectNothingLeft(host)
      let statuses = try await AccountView(of: host).authorizations(host.pebble)
      #expect(statuses == ["example.com": "deactivated"])

      try await host.withFreshAuthority { host in
        let next = try await host.issue("example.com")
        #expect(next.exitCode == 0, "\(next)")
        #expect(try host.isPair("example.com"))
      }
    }
  }

  @Test(.needsPebble, .needsNginx, arguments: [SIGINT, SIGTERM])
  func `a signal removes the challenge files from the webroot`(signal: Int32) async throws {
    try await LiveHost.run {
      $0.validationSleepSeconds = Self.forever
    } _: { host in
      let http = "server { listen 127.0.0.1:\(host.pebble.httpPort); location / { root web; } }"
      try await NginxServer.run(http: http, ports: [host.pebble.httpPort]) {
        try $0.makeFolder("web")
      } _: { nginx in
        let webroot = nginx.folder.path("web")
        let options = ["--webroot", webroot]
        try await interrupt(host, by: options, with: signal) {
          let path = "\(webroot)/.well-known/acme-challenge"
          let files = try FileManager.default.contentsOfDirectory(atPath: path)
          #expect(files.count == 1)
          #expect(host.entries("journal") == ["example.com.json"])
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: webroot).isEmpty)
        expectNothingLeft(host)

        try await host.withFreshAuthority { host in
          let next = try await host.issue(["example.com"], by: options)
          #expect(next.exitCode == 0, "\(next)")
          #expect(try FileManager.default.contentsOfDirectory(atPath: webroot).isEmpty)
        }
      }
    }
  }

  @Test(.needsPebble, .needsNginx)
  func `after kill -9 the next run removes the challenge files from the webroot`() async throws {
    try await LiveHost.run { host in
      let http = "server { listen 127.0.0.1:\(host.pebble.httpPort); location / { root web; } }"
      try await NginxServer.run(http: http, ports: [host.pebble.httpPort]) {
        try $0.makeFolder("web")
      } _: { nginx in
        let webroot = nginx.folder.path("web")
        let options = ["--webroot", webroot]
        let result = try await issueToSilence(host, by: options) { $0.send(SIGKILL) }
        #expect(result.signal == SIGKILL)
        #expect(try FileManager.default.contentsOfDirectory(atPath: webroot) == [".well-known"])

        try await host.pebble.dns?.clearA("example.com")
        let next = try await host.issue(["example.com"], by: options)
        #expect(next.exitCode == 0, "\(next)")
        #expect(
          try FileManager.default.contentsOfDirectory(
            atPath: "\(webroot)/.well-known/acme-challenge"
          ).isEmpty)
        #expect(host.entries("journal").isEmpty)
        #expect(host.entries("pending").isEmpty)
      }
    }
  }

  @Test(.needsPebble)
  func `an interrupted renewal keeps the certificate in use`() async throws {
    try await LiveHost.run { host in
      try await host.issue("example.com").requireSuccess("issue")
      let before = try host.leaf("example.com")
      let result = try await issueToSilence(host, by: host.standalone + ["--force"]) {
        $0.send(SIGINT)
      }
      #expect(result.signal == SIGINT, "\(result)")
      #expect(try host.leaf("example.com") == before)
      #expect(try host.isPair("example.com"))
      #expect(host.entries("pending").isEmpty)
      #expect(try await host.report("example.com")["state"].string == "valid")
    }
  }

  @Test(.needsPebble)
  func `a second signal terminates certctl immediately`() async throws {
    try await LiveHost.run { host in
      // The CA stops answering, so the cleanup after the first signal hangs.
      let result = try await issueToSilence(host, by: host.standalone) { running in
        host.pebble.pause()
        running.send(SIGINT)
        try await running.waitForOutput("interrupted")
        #expect(running.isRunning)
        running.send(SIGTERM)
      }
      host.pebble.resume()
      #expect(result.signal == SIGTERM, "\(result)")
    }
  }

  // MARK: - Steps

  /// Runs `issue` and sends a signal while the CA validates.
  private func interrupt(
    _ host: LiveHost, by options: [String], with signal: Int32, _ look: () throws -> Void
  ) async throws {
    let result = try await host.issue(
      ["example.com"], by: options + ["--verbose"], within: .seconds(20)
    ) { running in
      try await running.waitForOutput("waiting for the CA to validate")
      try look()
      running.send(signal)
    }
    #expect(result.signal == signal, "\(result)")
    #expect(result.standardError.contains("certctl: interrupted"), "\(result)")
    #expect(result.standardOutput.isEmpty)
  }

  /// Runs `issue` for a name at a silent listener, and `body` once the CA has connected.
  private func issueToSilence(
    _ host: LiveHost, by options: [String], _ body: (RunningProgram) async throws -> Void
  ) async throws -> ProgramResult {
    let silent = try SilentListener(port: host.pebble.httpPort)
    try await host.pebble.dns?.setA("example.com", [SilentListener.address])
    return try await host.issue(["example.com"], by: options, within: .seconds(20)) { running in
      try await silent.waitForConnection()
      try await body(running)
    }
  }

  private func expectNothingLeft(_ host: LiveHost) {
    for path in ["lineages", "live", "archive", "pending", "journal"] {
      #expect(host.entries(path).isEmpty, "\(path)")
    }
  }
}
