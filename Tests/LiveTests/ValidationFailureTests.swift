import CertctlCrypto
import FoundationEssentials
import TestSupport
import Testing

/// Validations that fail: what the user is told, and what stays behind.
@Suite(.timeLimit(.minutes(15)))
struct ValidationFailureTests {
  /// An address of loopback where nobody listens.
  private static let nowhere = "127.0.0.3"

  @Test(.needsPebble)
  func `each name that failed is told with the CA's words, and a mended cause is enough`()
    async throws
  {
    try await LiveHost.run { host in
      let dns = try #require(host.pebble.dns)
      let bad = ["bad.example.com", "worse.example.com"]
      for name in bad { try await dns.setA(name, [Self.nowhere]) }
      let names = ["example.com"] + bad
      let result = try await host.issue(names, by: host.standalone)
      #expect(result.exitCode == 1, "\(result)")
      for name in bad {
        let line = result.standardError.split(separator: "\n").first { $0.hasPrefix("  \(name):") }
        #expect(line?.contains("connection refused") == true, "\(result)")
        #expect(line?.contains("(connection)") == true, "\(result)")
      }
      #expect(!result.standardError.contains("  example.com:"), "\(result)")
      #expect(result.standardError.contains("hint: check that port 80"), "\(result)")
      expectNothingLeft(host)

      for name in bad { try await dns.clearA(name) }
      let second = try await host.issue(names, by: host.standalone)
      #expect(second.exitCode == 0, "\(second)")
      #expect(Set(try host.leaf("example.com").dnsNames) == Set(names))
    }
  }

  @Test(.needsPebble)
  func `one name that failed is told as JSON with the CA's problem`() async throws {
    try await LiveHost.run { host in
      let dns = try #require(host.pebble.dns)
      try await dns.setA("bad.example.com", [Self.nowhere])
      let result = try await host.issue("example.com", "bad.example.com", options: ["--json"])
      #expect(result.exitCode == 1, "\(result)")
      let error = try json(result)["error"]
      #expect(error["code"].string == "challengeFailed", "\(result)")
      #expect(error["message"].string?.contains("bad.example.com") == true, "\(result)")
      #expect(error["isRetryable"].bool == false)
      #expect(error["hint"].string?.isEmpty == false)
      let problems = [error["problem"]] + error["problem"]["subproblems"].array
      #expect(problems.contains { $0["type"].string?.hasSuffix(":connection") == true })
      expectNothingLeft(host)
    }
  }

  @Test(.needsPebble, .needsNginx)
  func `a web server that answers something else is told, and its folder is left clean`()
    async throws
  {
    try await LiveHost.run { host in
      let http = """
        server {
          listen 127.0.0.1:\(host.pebble.httpPort);
          location / { return 404 "no such page"; }
        }
        """
      try await NginxServer.run(http: http, ports: [host.pebble.httpPort]) {
        try $0.makeFolder("web")
      } _: { nginx in
        let webroot = nginx.folder.path("web")
        let result = try await host.issue(["example.com"], by: ["--webroot", webroot])
        #expect(result.exitCode == 1, "\(result)")
        #expect(result.standardError.contains("example.com"), "\(result)")
        #expect(result.standardError.contains("404"), "\(result)")
        #expect(nginx.accessLog.contains("/.well-known/acme-challenge/"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: webroot).isEmpty)
        expectNothingLeft(host)

        try await nginx.reload(
          http: "server { listen 127.0.0.1:\(host.pebble.httpPort); location / { root web; } }")
        let second = try await host.issue(["example.com"], by: ["--webroot", webroot])
        #expect(second.exitCode == 0, "\(second)")
      }
    }
  }

  @Test(.needsPebble)
  func `authorizations that are still pending are given up`() async throws {
    try await LiveHost.run { host in
      let dns = try #require(host.pebble.dns)
      let silent = try SilentListener(port: host.pebble.httpPort)
      try await dns.setA("slow.example.com", [SilentListener.address])
      try await dns.setA("bad.example.com", [Self.nowhere])
      let result = try await host.issue("example.com", "slow.example.com", "bad.example.com")
      #expect(result.exitCode == 1, "\(result)")
      #expect(result.standardError.contains("bad.example.com"), "\(result)")
      try await silent.waitForConnection()
      let statuses = try await AccountView(of: host).authorizations(host.pebble)
      #expect(
        statuses == [
          "example.com": "valid", "bad.example.com": "invalid", "slow.example.com": "deactivated",
        ])
      expectNothingLeft(host)
    }
  }

  @Test(.needsPebble)
  func `a renewal that fails leaves the certificate in use, and is told by show`() async throws {
    try await LiveHost.run { host in
      try await host.issue("example.com").requireSuccess("issue")
      let before = try host.leaf("example.com")
      // A name that is new to the CA: one time in a hundred Pebble takes an old authorization even
      // where it is told never to.
      try await host.pebble.dns?.setA("new.example.com", [Self.nowhere])
      let result = try await host.issue("example.com", "new.example.com")
      #expect(result.exitCode == 1, "\(result)")
      #expect(try host.leaf("example.com") == before)
      #expect(try host.isPair("example.com"))
      let report = try await host.report("example.com")
      #expect(report["state"].string == "valid")
      #expect(report["lastFailure"]["message"].string?.contains("connection refused") == true)
      #expect(host.entries("archive/example.com") == ["0001"])
      #expect(host.entries("pending").isEmpty)

      try await host.pebble.dns?.clearA("new.example.com")
      try await host.issue("example.com", "new.example.com").requireSuccess("the next")
      #expect(try await host.report("example.com")["lastFailure"] == .null)
    }
  }

  @Test(.needsPebble)
  func `a name that DNS cannot answer is told as such`() async throws {
    try await LiveHost.run { host in
      try await host.pebble.dns?.setFailure("example.com")
      let result = try await host.issue("example.com")
      #expect(result.exitCode == 1, "\(result)")
      #expect(result.standardError.contains("example.com"), "\(result)")
      #expect(result.standardError.contains("could not resolve"), "\(result)")
      expectNothingLeft(host)
    }
  }

  /// No lineage, no order under way, no journal.
  private func expectNothingLeft(_ host: LiveHost) {
    for path in ["lineages", "live", "archive", "pending", "journal"] {
      #expect(host.entries(path).isEmpty, "\(path)")
    }
  }
}
