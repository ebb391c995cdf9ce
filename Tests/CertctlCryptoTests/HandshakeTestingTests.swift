import CertctlCrypto
import Testing

/// Certificates for each key type, created once.
private enum Identities {
  static let p256 = Task { try make(.ec256) }
  static let p384 = Task { try make(.ec384) }
  static let rsa = Task { try make(.rsa2048) }
  static let ed25519 = Task { try make(.ed25519) }

  private static func make(_ type: KeyType) throws -> TLSEngine.Identity {
    let key = try PrivateKey.generate(type)
    let certificate = try ChallengeCertificate.make(
      for: "example.com", digest: Digest.sha256([1]), key: key)
    return try TLSEngine.Identity(chain: [certificate], key: key)
  }
}

@Suite struct HandshakeTestingTests {
  /// The intermediate policy of Mozilla's guideline 6.0.
  private static let intermediate = TLSPolicy(
    ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
      + "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
      + "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305",
    groups: "X25519:prime256v1:secp384r1")

  /// The cipher list of a popular article of 2019, with two names that never existed.
  private static let article =
    "ECDHE-RSA-AES256-GCM-SHA512:DHE-RSA-AES256-GCM-SHA512:ECDHE-RSA-AES256-GCM-SHA384:"
    + "DHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-SHA384"

  private static func parameters(_ group: String) async throws -> [UInt8] {
    let result = try await OpenSSLTool.run(
      "genpkey", "-genparam", "-algorithm", "DH", "-pkeyopt", "group:\(group)")
    try #require(result.isSuccess)
    return Array(result.text.utf8)
  }

  private func test(
    _ identity: TLSEngine.Identity..., policy: TLSPolicy
  ) throws -> [CryptoError] {
    try testHandshake(identity, policy, serverName: "example.com")
  }

  @Test func `good policies work with every common key`() async throws {
    let policies = [
      Self.intermediate, TLSPolicy(), TLSPolicy(versions: [.tls12]), TLSPolicy(versions: [.tls13]),
      TLSPolicy(groups: "auto"),
      // nginx may be linked to a newer OpenSSL, which knows these groups.
      TLSPolicy(groups: "X25519MLKEM768:X25519:prime256v1"),
      TLSPolicy(groups: "?X25519MLKEM768:*X25519/prime256v1"), TLSPolicy(groups: "DEFAULT:-X448"),
    ]
    for policy in policies {
      for task in [Identities.p256, Identities.p384, Identities.rsa] {
        let findings = try test(await task.value, policy: policy)
        #expect(findings.isEmpty, "\(policy): \(findings)")
      }
      let both = try test(
        await Identities.p256.value, await Identities.rsa.value, policy: policy)
      #expect(both.isEmpty)
    }
  }

  @Test func `an ECDSA key with ciphers for RSA only is rejected`() async throws {
    let policy = TLSPolicy(
      versions: [.tls10, .tls11, .tls12], ciphers: Self.article, groups: "secp384r1")
    let error = try await #require(throws: CryptoError.self) {
      try test(await Identities.p256.value, policy: policy)
    }
    #expect(error.code == .mismatch)
    #expect(error.subject == Self.article)
    #expect(error.operation.contains("TLS 1.2") && error.operation.contains("P-256"))
    #expect(error.reasons.first == "the list has no cipher suite for ECDSA keys")
    #expect(
      error.description.contains(
        "OpenSSL does not know ECDHE-RSA-AES256-GCM-SHA512, DHE-RSA-AES256-GCM-SHA512;"))
    #expect(error.hint?.contains("ECDHE-ECDSA-AES128-GCM-SHA256") == true, "\(error)")
  }

  @Test func `an RSA key with ciphers for ECDSA only is rejected`() async throws {
    let policy = TLSPolicy(versions: [.tls12], ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256")
    let error = try await #require(throws: CryptoError.self) {
      try test(await Identities.rsa.value, policy: policy)
    }
    #expect(error.operation.contains("RSA 2048"))
    #expect(error.reasons.first == "the list has no cipher suite for RSA keys")
    #expect(error.hint?.contains("ECDHE-RSA-AES128-GCM-SHA256") == true, "\(error)")
  }

  @Test func `a TLS version that works with no key is reported besides one that works`()
    async throws
  {
    var policy = TLSPolicy(ciphers: "ECDHE-RSA-AES128-GCM-SHA256")
    let findings = try test(await Identities.p256.value, policy: policy)
    #expect(findings.count == 1)
    #expect(findings.first?.operation.contains("TLS 1.2") == true, "\(findings)")
    // The second certificate works with that version.
    let p256 = try await Identities.p256.value
    let rsa = try await Identities.rsa.value
    #expect(try test(p256, rsa, policy: policy).isEmpty)
    // Without TLS 1.3 one of the two is never served.
    policy.versions = [.tls12]
    let unused = try test(p256, rsa, policy: policy)
    #expect(unused.count == 1)
    #expect(unused.first?.operation.contains("P-256") == true, "\(unused)")
  }

  @Test func `DHE alone requires parameters, and browsers do not support it`() async throws {
    var policy = TLSPolicy(versions: [.tls12], ciphers: "DHE-RSA-AES128-GCM-SHA256")
    let rsa = try await Identities.rsa.value
    let error = try #require(throws: CryptoError.self) { try test(rsa, policy: policy) }
    #expect(error.reasons.first?.contains("ssl_dhparam") == true)
    #expect(error.hint?.contains("certctl dhparam") == true, "\(error)")

    policy.dhParameters = try await Self.parameters("ffdhe2048")
    let findings = try test(rsa, policy: policy)
    #expect(
      findings.map(\.reasons.first) == [
        "all cipher suites for this key are DHE, which browsers no longer offer"
      ])
  }

  @Test func `groups without X25519 and P-256 are reported`() async throws {
    let policy = TLSPolicy(groups: "secp384r1")
    let findings = try test(await Identities.p256.value, policy: policy)
    #expect(findings.count == 2)
    for finding in findings {
      #expect(finding.subject == "secp384r1")
      #expect(finding.reasons.first?.contains("neither X25519 nor P-256") == true)
      #expect(finding.operation.contains("with a browser"))
    }
  }

  @Test(arguments: [[TLSVersion](), [.tls10], [.tls10, .tls11]])
  func `old TLS versions alone are rejected`(versions: [TLSVersion]) async throws {
    let error = try await #require(throws: CryptoError.self) {
      try test(await Identities.rsa.value, policy: TLSPolicy(versions: Set(versions)))
    }
    #expect(error.hint == "set ssl_protocols TLSv1.2 TLSv1.3")
    for version in versions { #expect(error.description.contains(version.name)) }
  }

  @Test func `versions with a gap are tested as configured`() async throws {
    let policy = TLSPolicy(versions: [.tls11, .tls13])
    #expect(try test(await Identities.p256.value, policy: policy).isEmpty)
    // nginx behaves the same: it logs "no ciphers available", even for clients with TLS 1.3.
    let new = TLSPolicy(versions: [.tls11, .tls13], ciphers: "ECDHE-RSA-AES128-GCM-SHA256")
    let error = try await #require(throws: CryptoError.self) {
      try test(await Identities.rsa.value, policy: new)
    }
    #expect(error.reasons.first == "TLS 1.2 is missing between TLS 1.1 and TLS 1.3")
  }

  @Test func `a key type that browsers do not support is reported`() async throws {
    let findings = try test(await Identities.ed25519.value, policy: Self.intermediate)
    #expect(!findings.isEmpty)
    #expect(findings.allSatisfy { $0.operation.contains("Ed25519") })
  }

  @Test func `an empty cipher list and damaged parameters are rejected`() async throws {
    let rsa = try await Identities.rsa.value
    let list = try #require(throws: CryptoError.self) {
      try test(rsa, policy: TLSPolicy(ciphers: "NO-SUCH-CIPHER"))
    }
    #expect(list.code == .malformed && list.subject == "NO-SUCH-CIPHER")
    let small = try await OpenSSLTool.run("dhparam", "512")
    for pem in ["", "junk", small.text] {
      #expect(throws: CryptoError.self) {
        try test(rsa, policy: TLSPolicy(dhParameters: Array(pem.utf8)))
      }
    }
    #expect(throws: CryptoError.self) {
      try test(rsa, policy: TLSPolicy(groups: "no-such-group"))
    }
    #expect(throws: CryptoError.self) { try test(policy: TLSPolicy()) }
  }

  @Test func `the values of ssl_protocols are parsed`() {
    let words = ["TLSv1", "TLSv1.1", "TLSv1.2", "tlsv1.3"]
    #expect(words.map { TLSVersion(directive: $0) } == TLSVersion.allCases)
    #expect(TLSVersion(directive: "SSLv3") == nil)
  }
}
