import CertctlBase
import CertctlSystem
import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// What a first user meets on the way to a certificate, against a real CA.
@Suite(
  .timeLimit(.minutes(10)), .requires("pebble", "pebble-challtestsrv", "openssl"), .serialized)
struct IssueTests {
  @Test(.requires("openssl"))
  func `a certificate that nobody vouches for is a clear TLS error`() async throws {
    try await CommandLineBench.with { bench in
      let port = try FreePort.pick()
      let pair = try await ServerCertificate.make(in: bench.folder)
      let server = Program(
        "openssl",
        [
          "s_server", "-accept", "127.0.0.1:\(port)", "-cert", pair.certificatePath, "-key",
          pair.keyPath, "-www",
        ])
      try await server.serve(isReady: { _ in acceptsConnections(port) }) { _ in
        let ca = "https://127.0.0.1:\(port)/dir"
        let arguments = ["issue", "example.com", "--agree-tos", "--ca", ca]
        let error = try await bench.fails(arguments, exit: 1, "authority")
        #expect(error.message.contains("certificate"), "\(error.message)")
        #expect(error.hint.contains("--ca-bundle"), "\(error.hint)")
        let other = try await ServerCertificate.make(in: TemporaryFolder())
        _ = try await bench.fails(
          arguments + ["--ca-bundle", other.certificatePath], exit: 1, "authority")
        // With the right bundle the page is read, and is no directory.
        let read = try await bench.fails(
          arguments + ["--ca-bundle", pair.certificatePath], exit: 1, "authority")
        #expect(read.message.contains("not an ACME directory"), "\(read.message)")
      }
    }
  }

  /// Runs a test with a Pebble and the words that lead to it.
  private func withPebble(
    _ body: (CommandLineBench, Pebble, [String]) async throws -> Void
  ) async throws {
    try await Pebble.run { pebble in
      try await CommandLineBench.with { bench in
        try await body(
          bench, pebble, ["--ca", pebble.directoryURL, "--ca-bundle", pebble.caBundlePath])
      }
    }
  }

  @Test func `a port in use names the process, and costs no order`() async throws {
    try await withPebble { bench, pebble, ca in
      let busy = try await HTTPServer.start(endpoints: [Endpoint(host: "127.0.0.1", port: 0)]) {
        _ in ServerResponse(status: 404)
      }
      let port = busy.endpoints.first?.port ?? 0
      let error = try await bench.fails(
        ["issue", "example.com", "--agree-tos", "--http-port", "\(port)"] + ca, exit: 1,
        "challengeFailed")
      #expect(error.message.contains("\(port)"))
      #expect(error.message.contains("process \(ProcessInfo.processInfo.processIdentifier) ("))
      #expect(error.hint.contains("--webroot") && error.hint.contains("--http-port"))
      #expect(!pebble.requests.contains("POST /order-plz"))
      #expect(!bench.folder.contains("state/live"))
      await busy.stop()
    }
  }

  /// The lowest port that an ordinary user may listen on.
  private static var firstFreePort: Int {
    let text = readText("/proc/sys/net/ipv4/ip_unprivileged_port_start") ?? "1024"
    return Int(text.filter(\.isNumber)) ?? 1024
  }

  @Test(
    .requires("setpriv"),
    .enabled("every user may listen on port 80 here") { IssueTests.firstFreePort > 80 })
  func `an ordinary user hears who may listen on port 80`() async throws {
    try await withPebble { bench, _, ca in
      let bundle = try bench.folder.write("ca.pem", readText(ca[3]) ?? "")
      let state = try bench.folder.makeFolder("theirs")
      try await Program("chmod", ["-R", "a+rX", bench.folder.path]).run().requireSuccess("chmod")
      if geteuid() == 0 { chown(state, 65534, 65534) }
      let result = try await bench.asNobody(
        ["issue", "example.com", "--agree-tos", "--http-port", "80", "--ca", ca[1]]
          + ["--ca-bundle", bundle, "--state-dir", state])
      #expect(result.exitCode == 1, "\(result)")
      #expect(result.standardError.contains("ports below 1024 require root"))
      #expect(result.standardError.contains("--webroot"))
    }
  }

  @Test func `a validation that fails leaves no file and no certificate`() async throws {
    try await withPebble { bench, pebble, ca in
      let webroot = try bench.folder.makeFolder("www")
      try bench.folder.write("ca.pem", readText(pebble.caBundlePath) ?? "")
      var program = bench.binary.program(
        ["issue", "example.com", "--agree-tos", "--webroot", "www", "--quiet", "--ca", ca[1]]
          + ["--ca-bundle", "./ca.pem"])
      program.workingDirectory = bench.folder.path
      // Nobody serves that folder, so the CA finds nothing: what is left must be the old state.
      let result = try await program.run()
      #expect(result.exitCode == 1, "\(result)")
      #expect(result.standardError.contains("example.com"))
      #expect(result.standardError.contains("hint: "))
      #expect(!result.standardError.contains("\u{1B}"))
      let left = try FileManager.default.contentsOfDirectory(atPath: webroot)
      #expect(left.isEmpty)
      let events = try #require(bench.folder.read("state/events.jsonl"))
      #expect(events.contains(#""event":"failed""#))
      #expect(try await bench.run("list").standardOutput.contains("No certificates yet"))
    }
  }

  @Test(.requires("python3"))
  func `who says yes to the terms has an account`() async throws {
    try await withPebble { bench, _, ca in
      let talk = try await TerminalTalk.run(
        bench, ["account", "register"] + ca, answers: [("[y/N]", "y\n")])
      #expect(talk.status == .exited(0), "\(talk.text)")
      #expect(talk.text.contains("valid"))
      let shown = try await bench.binary.run(["account", "show", "--json"] + ca)
      let account = try #require(JSONValue(Array(shown.standardOutput.utf8)))["account"]
      #expect(account["status"].string == "valid")
      #expect(account["contacts"].array.isEmpty)
      // The second time nobody is asked.
      let again = try await bench.binary.run(["account", "register"] + ca)
      #expect(again.exitCode == 0, "\(again)")
    }
  }
}
