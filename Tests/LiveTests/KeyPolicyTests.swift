import FoundationEssentials
import PKI
import TestSupport
import Testing

/// Whose key it is, and how many there are.
@Suite(.timeLimit(.minutes(5)))
struct KeyPolicyTests {
  /// Makes a key and a request for it by OpenSSL, and returns the request's path.
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
  func `a request of the user's own gives a certificate without a key of ours`(
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

      // The file is not needed any more.
      host.folder.remove("own.csr")
      try await host.certctl.run(["renew", "example.com", "--force"]).requireSuccess("renew")
      let second = try host.leaf("example.com")
      #expect(try second != first && second.matches(key(host, "own")))
      try await host.certctl.run(["rollback", "example.com"]).requireSuccess("rollback")
      #expect(try host.leaf("example.com") == first)

      let byKey = try await host.certctl.run(["revoke", "example.com", "--by-certificate-key"])
      #expect(byKey.exitCode == 1 && byKey.standardError.contains("hint: leave out"), "\(byKey)")
      try await host.certctl.run(["revoke", "example.com"]).requireSuccess("revoke")
    }
  }
}
