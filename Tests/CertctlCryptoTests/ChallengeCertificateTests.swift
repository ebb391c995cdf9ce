import CertctlCrypto
import Testing

@Suite struct ChallengeCertificateTests {
  private static let digest = Digest.sha256(Array("token.thumbprint".utf8))

  @Test(arguments: [("example.com", "DNS:example.com"), ("192.0.2.1", "IP Address:192.0.2.1")])
  func `a challenge certificate has one name and a critical digest`(name: String, listed: String)
    async throws
  {
    let key = try PrivateKey.generate(.ec256)
    let certificate = try ChallengeCertificate.make(for: name, digest: Self.digest, key: key)
    #expect(certificate.dnsNames + certificate.ipAddresses == [name])
    #expect(certificate.isIssued(by: certificate))
    #expect(certificate.matches(key))
    #expect(certificate.covers(name))
    let text = try await OpenSSLTool.run("x509", "-noout", "-text", input: certificate.pem).text
    #expect(text.contains(listed))
    #expect(
      text.contains("1.3.6.1.5.5.7.1.31: critical") || text.contains("acmeIdentifier: critical"))
    // OID, BOOLEAN true, OCTET STRING around an OCTET STRING.
    let wanted =
      [0x06, 0x08, 0x2b, 6, 1, 5, 5, 7, 1, 0x1f, 1, 1, 0xff, 4, 0x22, 4, 0x20]
      + Self.digest
    #expect(Samples.hex(certificate.der).contains(Samples.hex(wanted)))
  }

  @Test func `a digest of another length is rejected`() throws {
    let key = try PrivateKey.generate(.ec256)
    #expect(throws: CryptoError.self) {
      try ChallengeCertificate.make(for: "example.com", digest: [1, 2], key: key)
    }
  }

  @Test(arguments: [
    ("Example.com", "example.com"), ("192.0.2.1", "1.2.0.192.in-addr.arpa"),
    (
      "2001:db8::1",
      "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"
    ),
  ])
  func `the server name for an address is its reverse DNS name`(name: String, serverName: String) {
    #expect(ChallengeCertificate.serverName(for: name) == serverName)
  }
}
