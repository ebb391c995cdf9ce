import CertctlCrypto
import FoundationEssentials
import TestSupport
import Testing

/// Failed validations: their error messages and their cleanup.
@Suite(.timeLimit(.minutes(15)))
struct ValidationFailureTests {
  /// A loopback address where nothing listens.
  private static let nowhere = "127.0.0.3"

  @Test(.needsPebble)
  func `each failed name is reported with the CA's reason, and a retry after the fix works`()
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
  func `a failed name is reported in JSON with the CA's problem`() async throws {
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
  func `a wrong response of the web server is reported, and the webroot is cleaned up`()
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
  func `pending authorizations are deactivated after a failure`() async throws {
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
  func `a failed renewal keeps the certificate in use and is reported by show`() async throws {
    try await LiveHost.run { host in
      try await host.issue("example.com").requireSuccess("issue")
      let before = try host.leaf("example.com")
      // A name that is new to the CA, because Pebble reuses 1 in 100 authorizations even with
      // reuse disabled.
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
  func `a DNS failure of a name is reported`() async throws {
    try await LiveHost.run { host in
      try await host.pebble.dns?.setFailure("example.com")
      let result = try await host.issue("example.com")
      #expect(result.exitCode == 1, "\(result)")
      #expect(result.standardError.contains("example.com"), "\(result)")
      #expect(result.standardError.contains("could not resolve"), "\(result)")
      expectNothingLeft(host)
    }
  }

  /// Expects no lineage, no pending order and no journal.
  private func expectNothingLeft(_ host: LiveHost) {
    for path in ["lineages", "live", "archive", "pending", "journal"] {
      #expect(host.entries(path).isEmpty, "\(path)")
    }
  }
}
