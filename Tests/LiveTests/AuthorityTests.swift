import CertctlCrypto
import TestSupport
import Testing

/// Issuance with refused nonces, slow validation, reused authorizations and alternate chains.
@Suite(.timeLimit(.minutes(15)))
struct AuthorityTests {
  @Test(.needsPebble, arguments: [50, 90])
  func `issuance succeeds while most nonces are refused`(percent: Int) async throws {
    try await LiveHost.run {
      $0.nonceRejectPercent = percent
    } _: { host in
      let names = (1...5).map { "n\($0).example.com" }
      let result = try await host.issue(names, by: host.standalone)
      #expect(result.exitCode == 0, "\(result)")
      #expect(Set(try host.leaf("n1.example.com").dnsNames) == Set(names))
      #expect(try host.isPair("n1.example.com"))
      // Without refusals 14 POSTs besides order polls: account, order, five authorizations,
      // five challenges, finalize, certificate.
      let posts = host.pebble.requests.filter { $0.hasPrefix("POST /") }
      #expect(posts.count { !$0.hasPrefix("POST /my-order/") } > 14)
    }
  }

  @Test(.needsPebble)
  func `issuance succeeds when validation takes a random time`() async throws {
    try await LiveHost.run {
      // Up to four seconds for each name.
      $0.validationSleepSeconds = 5
    } _: { host in
      let result = try await host.issue("example.com", "www.example.com")
      #expect(result.exitCode == 0, "\(result)")
      #expect(try host.isPair("example.com"))
      // Each challenge is posted once, however long validation takes.
      #expect(host.pebble.requests.count { $0.hasPrefix("POST /chalZ/") } == 2)
    }
  }

  @Test(.needsPebble)
  func `without authorization reuse the CA validates every time`() async throws {
    try await LiveHost.run { host in
      for options in [[], ["--force"]] {
        let result = try await host.issue("example.com", options: options)
        #expect(result.exitCode == 0, "\(result)")
      }
      #expect(host.pebble.requests.count { $0.hasPrefix("POST /chalZ/") } == 2)
      #expect(host.entries("archive/example.com") == ["0001", "0002"])
    }
  }

  @Test(.needsPebble)
  func `with authorization reuse the CA validates only new names`() async throws {
    try await LiveHost.run {
      $0.authorizationReusePercent = 100
    } _: { host in
      try await host.issue("example.com").requireSuccess("the first")
      try await host.issue("example.com", options: ["--force"]).requireSuccess("the renewal")
      #expect(host.pebble.requests.count { $0.hasPrefix("POST /chalZ/") } == 1)
      let mixed = try await host.issue("example.com", "new.example.com")
      #expect(mixed.exitCode == 0, "\(mixed)")
      #expect(host.pebble.requests.count { $0.hasPrefix("POST /chalZ/") } == 2)
      #expect(try host.leaf("example.com").dnsNames.sorted() == ["example.com", "new.example.com"])
    }
  }

  @Test(.needsPebble, arguments: [true, false])
  func `issuance works with and without Pebble's strict mode`(isStrict: Bool) async throws {
    try await LiveHost.run {
      $0.isStrict = isStrict
    } _: { host in
      let result = try await host.issue("example.com")
      #expect(result.exitCode == 0, "\(result)")
      #expect(try host.isPair("example.com"))
    }
  }

  @Test(.needsPebble, arguments: ["rsa2048", "ec384"])
  func `the certificate has the requested key type`(keyType: String) async throws {
    try await LiveHost.run { host in
      let result = try await host.issue("example.com", options: ["--key-type", keyType])
      #expect(result.exitCode == 0, "\(result)")
      #expect(try await host.report("example.com")["keyType"].string == keyType)
      let key = try PrivateKey(
        pem: [UInt8](try #require(host.folder.read("state/live/example.com/privkey.pem")).utf8))
      #expect(key.type?.rawValue == keyType)
      #expect(try host.isPair("example.com"))
    }
  }

  @Test(.needsPebble)
  func `the preferred chain is stored`() async throws {
    try await LiveHost.run {
      $0.alternateRoots = 2
    } _: { host in
      for index in [2, 1, 0] {
        let wanted = try await rootName(host, index)
        let result = try await host.issue(
          "example.com", options: ["--preferred-chain", wanted, "--force"])
        #expect(result.exitCode == 0, "\(result)")
        #expect(!result.standardError.contains("warning"))
        let chain = try host.chain("example.com")
        #expect(chain.last?.issuerCommonName == wanted)
        #expect(Certificate.isOrdered(chain))
        #expect(try host.isPair("example.com"))
        let root = try TrustStore(pem: [UInt8](try await host.pebble.root(index).utf8))
        try root.verify(chain, at: try #require(chain.first).notBefore)
      }
    }
  }

  @Test(.needsPebble)
  func `an unknown preferred chain yields the default chain and a warning`() async throws {
    try await LiveHost.run {
      $0.alternateRoots = 1
    } _: { host in
      let result = try await host.issue(
        "example.com", options: ["--preferred-chain", "No Such Root"])
      #expect(result.exitCode == 0, "\(result)")
      #expect(
        result.standardError.contains("warning: the CA offers no chain"),
        "\(result)")
      #expect(result.standardError.contains("No Such Root"))
      let wanted = try await rootName(host, 0)
      #expect(try host.chain("example.com").last?.issuerCommonName == wanted)
      // The setting is kept but does not make the certificate due.
      let again = try await host.issue("example.com")
      #expect(again.standardOutput.hasPrefix("Nothing to do"), "\(again)")
    }
  }

  private func rootName(_ host: LiveHost, _ index: Int) async throws -> String {
    let root = try Certificate(pem: [UInt8](try await host.pebble.root(index).utf8))
    return try #require(root.subjectCommonName)
  }
}
