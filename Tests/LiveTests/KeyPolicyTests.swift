import CertctlCrypto
import FoundationEssentials
import TestSupport
import Testing

/// Dual certificates, rekeying and users' CSRs.
@Suite(.timeLimit(.minutes(15)))
struct KeyPolicyTests {
  @Test(.needsPebble)
  func `dual certificates share a lineage and are renewed and revoked together`()
    async throws
  {
    try await LiveHost.run { host in
      try await host.issue("example.com").requireSuccess("one")
      let result = try await host.issue("example.com", options: ["--dual", "--key-type", "ec384"])
      #expect(result.exitCode == 0, "\(result)")
      #expect(result.standardOutput.contains("/live/example.com/rsa/fullchain.pem"))
      let first = try rsa(host)
      #expect(first.publicKey.type == .rsa2048)
      #expect(try host.leaf("example.com").publicKey.type == .ec384)
      #expect(try host.isPair("example.com"))
      let files = ["cert.pem", "chain.pem", "fullchain.pem", "privkey.pem"]
      #expect(host.entries("live/example.com") == files + ["rsa"])
      #expect(host.entries("live/example.com/rsa") == files)
      #expect(host.entries("pending").isEmpty)
      let report = try await host.report("example.com")
      #expect(report["rsa"]["keyType"].string == "rsa2048")
      #expect(report["keyType"].string == "ec384")
      let unchanged = try await host.issue("example.com", options: ["--json"])
      #expect(try json(unchanged)["outcome"].string == "unchanged")

      try await host.certctl.run(["renew", "--force"]).requireSuccess("renew")
      let second = try rsa(host)
      #expect(second != first)
      try await host.certctl.run(["rollback", "example.com"]).requireSuccess("rollback")
      #expect(try rsa(host) == first)
      let both = [try host.leaf("example.com"), first]
      try await host.certctl.run(["revoke", "example.com"]).requireSuccess("revoke")
      for leaf in both { #expect(try await status(host, leaf) == "Revoked") }
      #expect(try await status(host, second) == "Valid")

      let single = try await host.issue("example.com", options: ["--no-dual"])
      #expect(single.exitCode == 0, "\(single)")
      #expect(host.entries("live/example.com") == files)
    }
  }

  @Test(.needsPebble)
  func `rekey --compromised revokes the old certificate once the new one is deployed`()
    async throws
  {
    try await LiveHost.run { host in
      let hook = try host.folder.write(
        "hook", "#!/bin/sh\ntest ! -e '\(host.folder.path("broken"))'\n")
      try await Program("chmod", ["755", hook]).run().requireSuccess("chmod")
      try await host.issue("example.com", options: ["--reuse-key", "--hook", hook])
        .requireSuccess("issue")
      let old = try host.leaf("example.com")

      try host.folder.write("broken", "")
      let failed = try await host.certctl.run(["rekey", "example.com", "--compromised"])
      #expect(failed.exitCode == 1, "\(failed)")
      #expect(failed.standardError.contains("the old one was not revoked"), "\(failed)")
      #expect(failed.standardError.contains("hint: "), "\(failed)")
      #expect(try await status(host, old) == "Valid")
      let new = try host.leaf("example.com")
      #expect(new.publicKey != old.publicKey)

      host.folder.remove("broken")
      let result = try await host.certctl.run(["rekey", "example.com", "--compromised"])
      #expect(result.exitCode == 0, "\(result)")
      #expect(result.standardOutput.contains("Revoked the old certificate, serial"), "\(result)")
      #expect(try host.leaf("example.com") == new)
      #expect(try await status(host, old) == "Revoked")
      #expect(try await status(host, new) == "Valid")

      let again = try await host.certctl.run(
        ["rekey", "example.com", "--key-type", "ec384", "--json"])
      #expect(try json(again)["revoked"].array.isEmpty, "\(again)")
      #expect(try host.leaf("example.com").publicKey.type == .ec384)
      #expect(try await status(host, new) == "Valid")
    }
  }

  private func rsa(_ host: LiveHost) throws -> Certificate {
    let folder = "state/live/example.com/rsa"
    let text = try #require(host.folder.read("\(folder)/fullchain.pem"))
    let leaf = try Certificate.chain(pem: [UInt8](text.utf8))[0]
    let key = try #require(host.folder.read("\(folder)/privkey.pem"))
    #expect(leaf.matches(try PrivateKey(pem: [UInt8](key.utf8))))
    return leaf
  }

  private func status(_ host: LiveHost, _ leaf: Certificate) async throws -> String? {
    let serial = hexadecimal(Array(leaf.serialNumber.drop { $0 == 0 }))
    let text = try await host.pebble.certificateStatus(serialNumber: serial)
    return JSONValue([UInt8](text.utf8))?["Status"].string
  }

  /// Generates a key and a CSR with OpenSSL, and returns the CSR's path.
  private func request(
    _ host: LiveHost, _ name: String, _ arguments: String...
  ) async throws -> String {
    let file = host.folder.path("\(name).csr")
    try await Program(
      "openssl",
      ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384", "-nodes"]
        + ["-keyout", host.folder.path("\(name).key"), "-out", file] + arguments
    ).run().requireSuccess("openssl req")
    return file
  }

  private func key(_ host: LiveHost, _ name: String) throws -> PrivateKey {
    try PrivateKey(pem: [UInt8](try #require(host.folder.read("\(name).key")).utf8))
  }

  @Test(
    .needsPebble, arguments: [["-outform", "PEM"], ["-outform", "DER"]])
  func `a user's CSR gets a certificate without a stored private key`(
    form: [String]
  ) async throws {
    try await LiveHost.run { host in
      let san = "subjectAltName=DNS:example.com,DNS:www.example.com"
      let file = try await request(
        host, "own", "-subj", "/O=Example", "-addext", san, form[0], form[1])
      try await host.issue(options: ["--csr", file]).requireSuccess("issue")
      let first = try host.leaf("example.com")
      #expect(first.dnsNames == ["example.com", "www.example.com"])
      #expect(try first.matches(key(host, "own")))
      #expect(
        host.entries("live/example.com")
          == ["cert.pem", "chain.pem", "fullchain.pem", "request.pem"])
      let report = try await host.report("example.com")
      #expect(report["privkey"] == .null && report["keyType"].string == "ec384")

      // certctl does not need the CSR file any more.
      host.folder.remove("own.csr")
      try await host.certctl.run(["renew", "example.com", "--force"]).requireSuccess("renew")
      let second = try host.leaf("example.com")
      #expect(try second != first && second.matches(key(host, "own")))
      try await host.certctl.run(["rollback", "example.com"]).requireSuccess("rollback")
      #expect(try host.leaf("example.com") == first)

      let byKey = try await host.certctl.run(["revoke", "example.com", "--by-certificate-key"])
      #expect(
        byKey.exitCode == 1 && byKey.standardError.contains("leave out --by-certificate-key"),
        "\(byKey)")
      try await host.certctl.run(["revoke", "example.com"]).requireSuccess("revoke")
    }
  }
}
