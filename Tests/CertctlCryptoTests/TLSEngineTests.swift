import CertctlCrypto
import Testing

@Suite struct TLSEngineTests {
  private static func server(
    _ ca: TestCA, names: [String] = ["example.com"], alpn: [String] = [],
    versions: ClosedRange<TLSVersion> = .tls12 ... .tls13
  ) throws -> TLSEngine {
    let identity = try TLSEngine.Identity(chain: ca.chain, key: ca.leafKey)
    return try TLSEngine(
      server: TLSEngine.ServerConfiguration(
        identities: Dictionary(uniqueKeysWithValues: names.map { ($0, identity) }), alpn: alpn,
        minimumVersion: versions.lowerBound, maximumVersion: versions.upperBound))
  }

  @Test(arguments: [TLSVersion.tls12, .tls13])
  func `client and server handshake, verify, exchange data and close`(version: TLSVersion)
    async throws
  {
    let ca = try await SharedCA.value()
    let server = try Self.server(ca, alpn: ["h2", "http/1.1"], versions: version...version)
    let client = try TLSEngine(
      client: TLSEngine.ClientConfiguration(
        serverName: "EXAMPLE.com", alpn: ["http/1.1", "h2"], trust: TrustStore(pem: ca.root.pem)))
    #expect(!client.isHandshakeComplete)
    try TLSEngine.shakeHands(client: client, server: server)
    #expect(client.isHandshakeComplete && server.isHandshakeComplete)
    #expect(client.negotiatedALPN == "h2")
    #expect(server.negotiatedALPN == "h2")
    #expect(client.negotiatedProtocol == (version == .tls12 ? "TLSv1.2" : "TLSv1.3"))
    #expect(client.peerChain == ca.chain)

    let long = [UInt8](repeating: 7, count: 100_000)
    try client.send(long)
    try server.receive(client.takeOutput())
    #expect(try server.readPlaintext() == long)
    #expect(try server.readPlaintext() == [])
    try server.send(Array("bye".utf8))
    server.shutdown()
    try client.receive(server.takeOutput())
    #expect(try client.readPlaintext() == Array("bye".utf8))
    #expect(try client.readPlaintext() == nil)
  }

  @Test func `a handshake works byte by byte`() async throws {
    let ca = try await SharedCA.value()
    let server = try Self.server(ca)
    let client = try TLSEngine(
      client: TLSEngine.ClientConfiguration(serverName: "example.com"))
    for _ in 0..<4 {
      _ = try client.handshake()
      for byte in client.takeOutput() {
        try server.receive([byte])
        _ = try server.handshake()
      }
      for byte in server.takeOutput() {
        try client.receive([byte])
        _ = try client.handshake()
      }
    }
    #expect(client.isHandshakeComplete && server.isHandshakeComplete)
  }

  @Test(arguments: ["example.com", "192.0.2.1"])
  func `a challenge certificate is selected by ALPN and server name`(name: String) throws {
    let key = try PrivateKey.generate(.ec256)
    let digest = Digest.sha256([1])
    let certificate = try ChallengeCertificate.make(for: name, digest: digest, key: key)
    let serverName = ChallengeCertificate.serverName(for: name)
    let server = try TLSEngine(
      server: TLSEngine.ServerConfiguration(
        identities: [serverName: TLSEngine.Identity(chain: [certificate], key: key)],
        alpn: [ChallengeCertificate.alpn]))
    let client = try TLSEngine(
      client: TLSEngine.ClientConfiguration(serverName: serverName, alpn: ["acme-tls/1"]))
    try TLSEngine.shakeHands(client: client, server: server)
    #expect(client.negotiatedALPN == "acme-tls/1")
    #expect(client.peerChain == [certificate])
  }

  @Test(arguments: [
    ("other.example", ["acme-tls/1"], "unrecognized name"),
    (nil, ["acme-tls/1"], "unrecognized name"),
    ("example.com", ["h2"], "no application protocol"),
  ])
  func `an unknown server name or protocol is rejected with its alert`(
    name: String?, alpn: [String], alert: String
  ) async throws {
    let server = try Self.server(await SharedCA.value(), alpn: ["acme-tls/1"])
    let client = try TLSEngine(
      client: TLSEngine.ClientConfiguration(serverName: name, alpn: alpn))
    #expect(throws: CryptoError.self) { try TLSEngine.shakeHands(client: client, server: server) }
    let error = try #require(throws: CryptoError.self) { try client.handshake() }
    #expect(error.description.contains(alert))
    #expect(throws: CryptoError.self) { try server.receive([1]) }
  }

  @Test func `each server name gets its own certificate`() throws {
    func identity(_ name: String) throws -> TLSEngine.Identity {
      let key = try PrivateKey.generate(.ec256)
      let digest = Digest.sha256([1])
      return try TLSEngine.Identity(
        chain: [ChallengeCertificate.make(for: name, digest: digest, key: key)], key: key)
    }
    let configuration = try TLSEngine.ServerConfiguration(
      defaultIdentity: identity("c.example"),
      identities: ["A.example": identity("a.example"), "b.example": identity("b.example")])
    for (asked, answered) in [
      ("a.example", "a.example"), ("B.EXAMPLE", "b.example"), ("x.example", "c.example"),
      (nil, "c.example"),
    ] {
      let server = try TLSEngine(server: configuration)
      let client = try TLSEngine(client: TLSEngine.ClientConfiguration(serverName: asked))
      try TLSEngine.shakeHands(client: client, server: server)
      #expect(client.peerChain.first?.dnsNames == [answered])
    }
  }

  @Test func `a client rejects another root and another name`() async throws {
    let ca = try await SharedCA.value()
    let other = try await TestCA.make()
    for (name, root) in [("example.com", other.root), ("example.org", ca.root)] {
      let server = try Self.server(ca, names: ["example.com", "example.org"])
      let client = try TLSEngine(
        client: TLSEngine.ClientConfiguration(
          serverName: name, trust: TrustStore(pem: root.pem)))
      let error = try #require(throws: CryptoError.self) {
        try TLSEngine.shakeHands(client: client, server: server)
      }
      #expect(error.code == .untrusted)
      #expect(error.subject == name)
    }
  }

  @Test func `a client checks an address against the certificate`() async throws {
    let ca = try await SharedCA.value()
    let identity = try TLSEngine.Identity(chain: ca.chain, key: ca.leafKey)
    for (address, isFine) in [("192.0.2.1", true), ("192.0.2.2", false)] {
      let server = try TLSEngine(server: TLSEngine.ServerConfiguration(defaultIdentity: identity))
      let client = try TLSEngine(
        client: TLSEngine.ClientConfiguration(
          serverName: address, trust: TrustStore(pem: ca.root.pem)))
      if isFine {
        try TLSEngine.shakeHands(client: client, server: server)
      } else {
        #expect(throws: CryptoError.self) {
          try TLSEngine.shakeHands(client: client, server: server)
        }
      }
    }
  }

  @Test(arguments: [
    "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n", "\u{16}\u{3}\u{1}junk-junk-junk",
  ])
  func `bytes that are not TLS end the connection`(text: String) async throws {
    let server = try Self.server(await SharedCA.value())
    try server.receive(Array(text.utf8))
    let first = try #require(throws: CryptoError.self) {
      for _ in 0..<3 {
        _ = try server.handshake()
        try server.receive([UInt8](repeating: 0, count: 20_000))
      }
    }
    let again = try #require(throws: CryptoError.self) { try server.handshake() }
    #expect(first.description == again.description)
  }

  @Test func `too many buffered bytes are rejected`() async throws {
    let server = try Self.server(await SharedCA.value())
    try server.receive([UInt8](repeating: 0, count: 1 << 20))
    #expect(throws: CryptoError.self) { try server.receive([0]) }
  }

  @Test func `sending before the handshake fails`() throws {
    let client = try TLSEngine(client: TLSEngine.ClientConfiguration())
    #expect(throws: CryptoError.self) { try client.send([1]) }
    client.shutdown()
  }

  @Test func `the trial handshake accepts a matching key and rejects another`() async throws {
    let ca = try await SharedCA.value()
    try trialHandshake(chain: ca.chain, key: ca.leafKey)
    let wrong = try #require(throws: CryptoError.self) {
      try trialHandshake(chain: ca.chain, key: .generate(.ec256))
    }
    #expect(wrong.code == .mismatch)
    #expect(throws: CryptoError.self) { try trialHandshake(chain: [], key: ca.leafKey) }
  }

  @Test func `the trial handshake rejects a key that is too small`() async throws {
    let pem = try await OpenSSLTool.run("genrsa", "1024").text
    let key = try PrivateKey(pem: Array(pem.utf8))
    let certificate = try ChallengeCertificate.make(
      for: "example.com", digest: Digest.sha256([1]), key: key)
    let error = try #require(throws: CryptoError.self) {
      try trialHandshake(chain: [certificate], key: key)
    }
    #expect(error.description.contains("key too small"))
  }
}
