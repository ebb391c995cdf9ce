import CertctlCrypto
import FoundationEssentials
import TestSupport
import Testing

/// Issuance through the webroot of a running nginx, and deployment to it.
@Suite(.timeLimit(.minutes(15)))
struct NginxIssuanceTests {
  @Test(.needsPebble, .needsNginx)
  func `nginx answers the challenges and serves each new certificate`()
    async throws
  {
    try await LiveHost.run { host in
      try await withNginx(host) { nginx, tlsPort in
        let webroot = nginx.folder.path("web")
        let options = ["--webroot", webroot]
        let names = ["example.com", "www.example.com"]
        let result = try await host.issue(names, by: options)
        #expect(result.exitCode == 0, "\(result)")
        #expect(nginx.accessLog.contains("GET /.well-known/acme-challenge/"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: webroot).isEmpty)

        try await nginx.reload(http: host.plainServer + host.secureServer(tlsPort, "204"))
        let root = try host.folder.write("root.pem", try await host.pebble.root())
        for name in names {
          let probe = try await TLSProbe.connect(port: tlsPort, serverName: name, trusting: root)
          #expect(probe.isTrusted, "\(probe.report)")
          #expect(probe.chain.joined() == host.folder.read("state/live/example.com/fullchain.pem"))
        }
        let first = try host.leaf("example.com")

        try await host.issue(names, by: options + ["--force"]).requireSuccess("the renewal")
        let second = try host.leaf("example.com")
        #expect(second != first)
        // certctl has reloaded nginx and verified that it serves the new certificate.
        #expect(try await served(tlsPort, root) == second)
        #expect(try await host.report("example.com")["deployment"].string == "deployed")

        try await host.certctl.run(["rollback", "example.com"]).requireSuccess("rollback")
        #expect(try await served(tlsPort, root) == first)
      }
    }
  }

  @Test(.needsPebble, .needsNginx)
  func `a broken configuration is named, not loaded, and retried by the next run`()
    async throws
  {
    try await LiveHost.run { host in
      try await withNginx(host) { nginx, tlsPort in
        let options = ["--webroot", nginx.folder.path("web")]
        try await host.issue(["example.com"], by: options).requireSuccess("issue")
        try await nginx.reload(http: host.plainServer + host.secureServer(tlsPort, "204"))
        let root = try host.folder.write("root.pem", try await host.pebble.root())
        let first = try host.leaf("example.com")
        let good = try #require(nginx.folder.read("nginx.conf"))
        try nginx.folder.write("nginx.conf", good + "upstream broken {\n")

        let result = try await host.issue(["example.com"], by: options + ["--force"])
        #expect(result.exitCode == 1, "\(result)")
        #expect(result.standardError.contains("not served yet"))
        #expect(result.standardError.contains("nginx.conf"))
        #expect(try await served(tlsPort, root) == first)
        let renewal = try await host.certctl.run(["renew", "--json"])
        #expect(renewal.exitCode == 1, "\(renewal)")
        let told = try json(renewal)["certificates"].array.first
        #expect(told?["outcome"].string == "unchanged")
        #expect(told?["deploymentError"].string?.contains("nginx") == true)

        let broken = try await status(of: nginx, host)
        #expect(broken["problem"].string?.contains("nginx.conf") == true, "\(broken)")
        let finding = broken["findings"].array.first
        #expect(finding?["code"].string == "configurationRefused")
        #expect(finding?["message"] == broken["problem"])
        let old = broken["certificates"].array.first
        #expect(old?["lineage"].string == "example.com")
        // The old generation stays in use until nginx can load the new one.
        #expect(old?["problem"] == .null)
        #expect(try host.leaf("example.com") == first)
        let report = try await host.report("example.com")
        #expect(report["generation"] == .number(2))
        #expect(report["generationInUse"] == .number(1))

        try nginx.folder.write("nginx.conf", good)
        try await host.certctl.run(["renew"]).requireSuccess("renew")
        let repaired = try await status(of: nginx, host)
        #expect(repaired["problem"] == .null && repaired["findings"].array.isEmpty)
        #expect(repaired["certificates"].array.first?["problem"] == .null)
        #expect(
          repaired["certificates"].array.first?["addresses"].array.map(\.string)
            == ["127.0.0.1:\(tlsPort)"])
        #expect(try await served(tlsPort, root) == host.leaf("example.com"))
        #expect(host.entries("archive/example.com").count == 2)
      }
    }
  }

  /// Returns the entry of this nginx in `nginx status`; other tests run theirs on this machine.
  private func status(of nginx: NginxServer, _ host: LiveHost) async throws -> JSONValue {
    let result = try await host.certctl.run(["nginx", "status", "--json"])
    let all = try json(result)["nginx"].array
    return try #require(all.first { $0["pid"] == .number(Double(nginx.pid)) }, "\(result)")
  }

  @Test(.needsPebble, .needsNginx)
  func `foreign files in the webroot stay unchanged`() async throws {
    try await LiveHost.run { host in
      try await withNginx(host) { nginx, _ in
        try nginx.folder.write("web/.well-known/acme-challenge/other", "theirs")
        try nginx.folder.write("web/.well-known/security.txt", "theirs")
        let options = ["--webroot", nginx.folder.path("web")]
        let result = try await host.issue(["example.com"], by: options)
        #expect(result.exitCode == 0, "\(result)")
        #expect(
          try FileManager.default.contentsOfDirectory(
            atPath: nginx.folder.path("web/.well-known/acme-challenge")) == ["other"])
        #expect(nginx.folder.read("web/.well-known/security.txt") == "theirs")
      }
    }
  }

  @Test(.needsPebble, .needsNginx)
  func `without --webroot an error names nginx, which holds the port`() async throws {
    try await LiveHost.run { host in
      try await withNginx(host) { nginx, _ in
        let result = try await host.issue("example.com")
        #expect(result.exitCode == 1, "\(result)")
        #expect(result.standardError.contains("nginx"), "\(result)")
        #expect(result.standardError.contains("--webroot"), "\(result)")
        #expect(!host.pebble.requests.contains("POST /order-plz"))
        #expect(host.entries("lineages").isEmpty)
      }
    }
  }

  // MARK: - nginx

  /// Runs `body` with nginx on Pebble's http-01 port and a free port for TLS.
  private func withNginx(
    _ host: LiveHost, _ body: (NginxServer, Int) async throws -> Void
  ) async throws {
    let tlsPort = try FreePort.pick()
    try await NginxServer.run(http: host.plainServer, ports: [host.pebble.httpPort]) {
      try $0.makeFolder("web")
    } _: {
      try await body($0, tlsPort)
    }
  }

  private func served(_ port: Int, _ root: String) async throws -> Certificate {
    let probe = try await TLSProbe.connect(port: port, serverName: "example.com", trusting: root)
    #expect(probe.isTrusted, "\(probe.report)")
    return try Certificate(pem: [UInt8](try #require(probe.chain.first).utf8))
  }
}
