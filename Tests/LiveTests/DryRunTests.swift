import FoundationEssentials
import TestSupport
import Testing

/// `certctl issue --dry-run`: a full validation that leaves only an account behind.
@Suite(.timeLimit(.minutes(15)))
struct DryRunTests {
  @Test(.needsPebble)
  func `a dry run validates all names and leaves only an account`() async throws {
    try await LiveHost.run {
      $0.authorizationReusePercent = 100
    } _: { host in
      let result = try await host.issue(
        "example.com", "www.example.com", options: ["--dry-run", "--json"])
      #expect(result.exitCode == 0, "\(result)")
      let report = try json(result)
      #expect(report["outcome"].string == "validated")
      #expect(report["certificate"] == .null)
      #expect(host.pebble.requests.count { $0.hasPrefix("POST /chalZ/") } == 2)
      #expect(!host.pebble.requests.contains { $0.hasPrefix("POST /finalize-order/") })
      expectNothingBut(["accounts", "cache"], host)

      let statuses = try await AccountView(of: host).authorizations(host.pebble)
      #expect(statuses == ["example.com": "deactivated", "www.example.com": "deactivated"])
      // No authorization is left to reuse: the real issue validates again.
      let real = try await host.issue("example.com")
      #expect(real.exitCode == 0, "\(real)")
      #expect(host.pebble.requests.count { $0.hasPrefix("POST /chalZ/") } == 3)
    }
  }

  @Test(.needsPebble, .needsNginx)
  func `a dry run leaves nothing in the webroot`() async throws {
    try await LiveHost.run { host in
      let http = "server { listen 127.0.0.1:\(host.pebble.httpPort); location / { root web; } }"
      try await NginxServer.run(http: http, ports: [host.pebble.httpPort]) {
        try $0.makeFolder("web")
      } _: { nginx in
        let webroot = nginx.folder.path("web")
        let result = try await host.issue(["example.com"], by: ["--webroot", webroot, "--dry-run"])
        #expect(result.exitCode == 0, "\(result)")
        #expect(result.standardOutput.hasPrefix("Dry run:"), "\(result)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: webroot).isEmpty)
        expectNothingBut(["accounts", "cache", "journal"], host)
        #expect(host.entries("journal").isEmpty)
      }
    }
  }

  @Test(.needsPebble)
  func `a failed dry run says why and deactivates pending authorizations`() async throws {
    try await LiveHost.run { host in
      let silent = try SilentListener(port: host.pebble.httpPort)
      try await host.pebble.dns?.setA("slow.example.com", [SilentListener.address])
      try await host.pebble.dns?.setA("bad.example.com", ["127.0.0.3"])
      let result = try await host.issue(
        "slow.example.com", "bad.example.com", options: ["--dry-run"])
      #expect(result.exitCode == 1, "\(result)")
      #expect(result.standardError.contains("bad.example.com"), "\(result)")
      try await silent.waitForConnection()
      expectNothingBut(["accounts", "cache"], host)
      let statuses = try await AccountView(of: host).authorizations(host.pebble)
      #expect(statuses == ["slow.example.com": "deactivated", "bad.example.com": "invalid"])
    }
  }

  @Test(.needsPebble)
  func `a dry run leaves an existing lineage unchanged`() async throws {
    try await LiveHost.run { host in
      try await host.issue("example.com").requireSuccess("issue")
      let before = host.folder.read("state/lineages/example.com.json")
      let leaf = try host.leaf("example.com")
      let result = try await host.issue(
        "example.com", "new.example.com", options: ["--dry-run", "--key-type", "ec384"])
      #expect(result.exitCode == 0, "\(result)")
      #expect(host.folder.read("state/lineages/example.com.json") == before)
      #expect(try host.leaf("example.com") == leaf)
      #expect(host.entries("archive/example.com") == ["0001"])
    }
  }

  /// Expects nothing in the state directory but these entries and the event log.
  private func expectNothingBut(_ expected: Set<String>, _ host: LiveHost) {
    let found = Set(host.entries("")).subtracting(["events.jsonl"])
    #expect(found.isSubset(of: expected), "\(found.sorted())")
  }
}
