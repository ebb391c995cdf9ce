import CertctlCrypto
import FoundationEssentials
import TestSupport
import Testing

/// Revocation, rollback, change and deletion of issued certificates.
@Suite(.timeLimit(.minutes(15)))
struct LineageTests {
  @Test(.needsPebble)
  func `the account key revokes with a reason, and the next issue replaces the certificate`()
    async throws
  {
    try await LiveHost.run { host in
      try await host.issue("example.com").requireSuccess("issue")
      let serial = try await serial(host)
      #expect(try await status(host, serial)["Status"].string == "Valid")
      for _ in 1...2 {
        let result = try await host.certctl.run(["revoke", "example.com", "--reason", "superseded"])
        #expect(result.exitCode == 0, "\(result)")
        #expect(result.standardOutput.contains(serial), "\(result)")
      }
      let status = try await status(host, serial)
      #expect(status["Status"].string == "Revoked")
      #expect(status["Reason"].number == 4)
      #expect(try await host.report("example.com")["state"].string == "revoked")

      let next = try await host.issue("example.com", options: ["--json"])
      #expect(try json(next)["outcome"].string == "issued", "\(next)")
      #expect(try await self.serial(host) != serial)
      #expect(try await host.report("example.com")["state"].string == "valid")
    }
  }

  @Test(.needsPebble)
  func `the certificate key revokes, and revoking again succeeds`() async throws {
    try await LiveHost.run { host in
      try await host.issue("example.com").requireSuccess("issue")
      let serial = try await serial(host)
      let arguments = [
        "revoke", "example.com", "--by-certificate-key", "--reason", "keyCompromise", "--json",
      ]
      for _ in 1...2 {
        let result = try await host.certctl.run(arguments)
        #expect(result.exitCode == 0, "\(result)")
        #expect(try json(result)["certificate"]["state"].string == "revoked")
      }
      let status = try await status(host, serial)
      #expect(status["Status"].string == "Revoked")
      #expect(status["Reason"].number == 1)
    }
  }

  @Test(.needsPebble)
  func `without an account, revoke uses the certificate key automatically`() async throws {
    try await LiveHost.run { host in
      try await host.issue("example.com").requireSuccess("issue")
      let serial = try await serial(host)
      try await host.account("deactivate").requireSuccess("deactivate")
      let result = try await host.certctl.run(["revoke", "example.com"])
      #expect(result.exitCode == 0, "\(result)")
      #expect(try await status(host, serial)["Status"].string == "Revoked")
    }
  }

  @Test(.needsPebble)
  func `rollback restores the previous generation, a revoked one only with --force`()
    async throws
  {
    try await LiveHost.run { host in
      try await host.issue("example.com").requireSuccess("the first")
      let first = try host.leaf("example.com")
      try await host.certctl.run(["revoke", "example.com"]).requireSuccess("revoke")
      try await host.issue("example.com").requireSuccess("the second")
      let second = try host.leaf("example.com")
      try await host.issue("example.com", options: ["--force"]).requireSuccess("the third")

      let back = try await host.certctl.run(["rollback", "example.com"])
      #expect(back.exitCode == 0, "\(back)")
      #expect(try host.leaf("example.com") == second)
      #expect(try host.isPair("example.com"))

      let refused = try await host.certctl.run(["rollback", "example.com"])
      #expect(refused.exitCode == 1, "\(refused)")
      #expect(refused.standardError.contains("revoked"), "\(refused)")
      #expect(refused.standardError.contains("--force"), "\(refused)")
      #expect(try host.leaf("example.com") == second)
      let forced = try await host.certctl.run(["rollback", "example.com", "--force"])
      #expect(forced.exitCode == 0, "\(forced)")
      #expect(try host.leaf("example.com") == first)
      #expect(try await host.report("example.com")["state"].string == "revoked")

      let nothing = try await host.certctl.run(["rollback", "example.com", "--force"])
      #expect(nothing.exitCode == 1, "\(nothing)")
      #expect(nothing.standardError.contains(": 1, 2, 3"), "\(nothing)")
      // Generation numbers are never reused.
      try await host.issue("example.com", options: ["--force"]).requireSuccess("the fourth")
      #expect(host.entries("archive/example.com") == ["0001", "0002", "0003", "0004"])
    }
  }

  @Test(.needsPebble)
  func `delete removes the whole lineage, and issue can recreate it`() async throws {
    try await LiveHost.run { host in
      try await host.issue("example.com").requireSuccess("issue")
      try await host.issue("example.org").requireSuccess("the neighbour")
      let result = try await host.certctl.run(["delete", "example.com", "--yes"])
      #expect(result.exitCode == 0, "\(result)")
      for path in ["lineages", "live", "archive"] {
        #expect(!host.entries(path).contains { $0.hasPrefix("example.com") }, "\(path)")
      }
      #expect(try host.isPair("example.org"))
      let again = try await host.certctl.run(["delete", "example.com", "--yes"])
      #expect(again.exitCode == 1, "\(again)")
      #expect(again.standardError.contains("example.org"), "\(again)")
      let next = try await host.issue("example.com")
      #expect(next.exitCode == 0, "\(next)")
      #expect(host.entries("archive/example.com") == ["0001"])
    }
  }

  @Test(.needsPebble)
  func `issue adds names in place and removes a name only with --force`() async throws {
    try await LiveHost.run { host in
      try await host.issue("example.com").requireSuccess("issue")
      let added = try await host.issue("example.com", "www.example.com", options: ["--json"])
      #expect(try json(added)["outcome"].string == "issued", "\(added)")
      #expect(host.entries("lineages") == ["example.com.json"])

      let refused = try await host.issue("example.com")
      #expect(refused.exitCode == 1, "\(refused)")
      #expect(refused.standardError.contains("www.example.com"), "\(refused)")
      #expect(refused.standardError.contains("--force"), "\(refused)")
      #expect(try host.leaf("example.com").dnsNames.count == 2)
      let forced = try await host.issue("example.com", options: ["--force"])
      #expect(forced.exitCode == 0, "\(forced)")
      #expect(try host.leaf("example.com").dnsNames == ["example.com"])
    }
  }

  @Test(.needsPebble)
  func `issue renews a certificate that is due`() async throws {
    try await LiveHost.run {
      // Due at half of its lifetime.
      $0.validitySeconds = 8
    } _: { host in
      try await host.issue("example.com").requireSuccess("issue")
      let first = try host.leaf("example.com")
      try await poll("the certificate to be due", every: .milliseconds(100)) {
        try await host.report("example.com")["state"].string != "valid"
      }
      let result = try await host.issue("example.com", options: ["--json"])
      #expect(try json(result)["outcome"].string == "issued", "\(result)")
      #expect(try host.leaf("example.com") != first)
    }
  }

  @Test(.needsPebble, arguments: [[String](), ["--reuse-key"]])
  func `a renewal has a new key unless --reuse-key is set`(options: [String]) async throws {
    try await LiveHost.run { host in
      try await host.issue("example.com", options: options).requireSuccess("issue")
      let first = try host.leaf("example.com")
      // The lineage remembers the option.
      try await host.issue("example.com", options: ["--force"]).requireSuccess("renewal")
      let second = try host.leaf("example.com")
      #expect(second != first)
      #expect((second.publicKey == first.publicKey) == (options == ["--reuse-key"]))
      #expect(try host.isPair("example.com"))
    }
  }

  // MARK: - The CA's view

  private func serial(_ host: LiveHost) async throws -> String {
    try #require(try await host.report("example.com")["serial"].string)
  }

  private func status(_ host: LiveHost, _ serial: String) async throws -> JSONValue {
    let text = try await host.pebble.certificateStatus(serialNumber: serial)
    return try #require(JSONValue([UInt8](text.utf8)))
  }
}
