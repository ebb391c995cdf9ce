import CertctlCrypto
import Testing

@Suite struct BadInputTests {
  private static let certificate = Array(Samples.renewalInfo.utf8)

  /// Texts that are neither a certificate, a key nor a request.
  static let texts: [(String, [UInt8])] = [
    ("empty", []),
    ("zeros", [UInt8](repeating: 0, count: 1000)),
    ("noise", Array(UInt8.min...UInt8.max)),
    ("HTML", Array("<html><body>502 Bad Gateway</body></html>".utf8)),
    ("only a BEGIN", Array("-----BEGIN CERTIFICATE-----\n".utf8)),
    ("no END", Array(certificate.prefix(300))),
    (
      "bad Base64",
      Array("-----BEGIN CERTIFICATE-----\n%%%%\n-----END CERTIFICATE-----\n".utf8)
    ),
    ("empty block", Array("-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n".utf8)),
    ("wrong END", Array("-----BEGIN CERTIFICATE-----\nAAAA\n-----END PRIVATE KEY-----\n".utf8)),
    ("Base64 of nothing", TestPEM.encode([1, 2, 3], label: "CERTIFICATE")),
    ("a key of junk", TestPEM.encode([0x30, 0x03, 2, 1, 0], label: "PRIVATE KEY")),
    ("a request of junk", TestPEM.encode([0x30, 0x00], label: "CERTIFICATE REQUEST")),
    ("a huge length", TestPEM.encode([0x30, 0x84, 0xff, 0xff, 0xff, 0xff], label: "CERTIFICATE")),
    ("an unknown block", TestPEM.encode([0x30, 0x00], label: "DH PARAMETERS")),
    ("OpenSSH", TestPEM.encode([1, 2, 3], label: "OPENSSH PRIVATE KEY")),
  ]

  @Test(arguments: texts)
  func `malformed text is rejected by every parser`(name: String, text: [UInt8]) throws {
    #expect(throws: CryptoError.self) { try Certificate(pem: text) }
    #expect(throws: CryptoError.self) { try Certificate.chain(pem: text) }
    #expect(throws: CryptoError.self) { try PrivateKey(pem: text) }
    #expect(throws: CryptoError.self) { try CertificateRequest(pem: text) }
    #expect(throws: CryptoError.self) { try TrustStore(pem: text) }
    #expect(throws: CryptoError.self) { try Certificate(der: text) }
    #expect(throws: CryptoError.self) { try CertificateRequest(der: text) }
    #expect(throws: CryptoError.self) { try PublicKey(spki: text) }
  }

  @Test func `a truncated certificate is rejected at every length`() throws {
    let der = try Certificate(pem: Self.certificate).der
    for length in 0..<der.count {
      #expect(throws: CryptoError.self) { try Certificate(der: Array(der.prefix(length))) }
    }
    let error = try #require(throws: CryptoError.self) { try Certificate(der: der + [0]) }
    #expect(error.description == "cannot parse the certificate: 1 trailing byte")
  }

  @Test func `a certificate with a flipped byte is rejected or parsed without a crash`() throws {
    let der = try Certificate(pem: Self.certificate).der
    var refused = 0
    for index in der.indices {
      for mask: UInt8 in [0x01, 0x80, 0xff] {
        var damaged = der
        damaged[index] ^= mask
        do {
          let certificate = try Certificate(der: damaged)
          _ = certificate.covers("example.com")
          _ = try? certificate.publicKey.components()
        } catch {
          refused += 1
        }
      }
    }
    #expect(refused > 100)
  }

  @Test func `a chain with one damaged block is rejected as a whole`() throws {
    let text = Self.certificate + TestPEM.encode([1, 2, 3], label: "CERTIFICATE")
    let error = try #require(throws: CryptoError.self) { try Certificate.chain(pem: text) }
    #expect(error.code == .malformed)
    #expect(!error.reasons.isEmpty)
  }

  @Test func `an error has no reasons of an earlier call`() throws {
    #expect(throws: CryptoError.self) { try Certificate(der: [1, 2, 3]) }
    let error = try #require(throws: CryptoError.self) { try Certificate.chain(pem: []) }
    #expect(error.reasons == ["the PEM text contains no certificate"])
  }

  @Test func `an error is one line with the operation and without the hint`() throws {
    let text = TestPEM.encode([1, 2, 3], label: "PRIVATE KEY")
    let error = try #require(throws: CryptoError.self) { try PrivateKey(pem: text) }
    #expect(
      error.description.hasPrefix(
        "cannot read the private key: the contents are damaged or of another type; "))
    #expect(!error.description.hasSuffix("."))
    let made = CryptoError(
      .mismatch, operation: "pair them", subject: "a", reasons: ["b", "c"], hint: "do d")
    #expect(made.description == "cannot pair them \"a\": b; c")
  }

  @Test func `numbers that are not a key are rejected`() {
    let zeros = [UInt8](repeating: 0, count: 32)
    #expect(throws: CryptoError.self) { try PublicKey(.ec(curve: "P-256", x: zeros, y: zeros)) }
    #expect(throws: CryptoError.self) { try PublicKey(.ec(curve: "P-256", x: [1], y: [])) }
    #expect(throws: CryptoError.self) { try PublicKey(.ec(curve: "P-192", x: zeros, y: zeros)) }
    #expect(throws: CryptoError.self) { try PublicKey(.ed25519(x: [1, 2, 3])) }
    #expect(throws: CryptoError.self) { try PublicKey(.rsa(modulus: [], exponent: [])) }
  }
}
