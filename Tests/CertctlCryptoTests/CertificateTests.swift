import CertctlCrypto
import FoundationEssentials
import Testing

@Suite struct CertificateTests {
  @Test func `key identifier and serial number match the example of RFC 9773`() throws {
    let certificate = try Certificate(pem: Array(Samples.renewalInfo.utf8))
    #expect(
      certificate.authorityKeyIdentifier.map(Samples.hex)
        == "69885b6b87464041e1b37b847ba0ae2cde01c8d4")
    #expect(Samples.hex(certificate.serialNumber) == "0087654321")
    #expect(certificate.subjectCommonName == "example.com")
    #expect(certificate.issuerCommonName == "Example CA")
    #expect(certificate.notAfter == Date(timeIntervalSince1970: -62_135_596_800))
    #expect(certificate.dnsNames == [])
  }

  @Test func `a certificate from openssl is parsed correctly`() async throws {
    let ca = try await TestCA.make()
    #expect(ca.leaf.subject == "")
    #expect(ca.leaf.subjectCommonName == nil)
    #expect(ca.leaf.issuer == "CN=Test Intermediate,O=Test")
    #expect(ca.leaf.dnsNames == ["example.com", "*.example.com"])
    #expect(ca.leaf.ipAddresses == ["192.0.2.1"])
    #expect(ca.leaf.serialNumber == [0x00, 0x80, 0xab])
    #expect(ca.leaf.notAfter.timeIntervalSince(ca.leaf.notBefore) == 90 * 86_400)
    #expect(ca.root.authorityKeyIdentifier?.count == 20)
    #expect(ca.leaf.publicKey == ca.leafKey.publicKey)
    let listed = try await OpenSSLTool.run(
      "x509", "-noout", "-fingerprint", "-sha256", input: ca.leaf.pem)
    let fingerprint = listed.text.split(separator: "=").last.map(String.init) ?? ""
    #expect(
      Samples.hex(ca.leaf.sha256Fingerprint)
        == fingerprint.lowercased().filter(\.isHexDigit))
  }

  @Test func `a certificate matches only its own key`() async throws {
    let ca = try await TestCA.make()
    #expect(ca.leaf.matches(ca.leafKey))
    #expect(try !ca.leaf.matches(PrivateKey.generate(.ec256)))
    #expect(try !ca.leaf.matches(PrivateKey.generate(.ed25519)))
  }

  @Test func `a chain in the wrong order is detected`() async throws {
    let ca = try await TestCA.make()
    #expect(Certificate.isOrdered([ca.leaf, ca.intermediate, ca.root]))
    #expect(Certificate.isOrdered([ca.leaf]))
    #expect(!Certificate.isOrdered([]))
    #expect(!Certificate.isOrdered([ca.leaf, ca.root]))
    #expect(!Certificate.isOrdered([ca.intermediate, ca.leaf]))
    #expect(ca.leaf.isIssued(by: ca.intermediate))
    #expect(!ca.leaf.isIssued(by: ca.leaf))
    #expect(ca.root.isIssued(by: ca.root))
  }

  @Test func `a damaged signature or an issuer with another key is not accepted`() async throws {
    let one = try await TestCA.make()
    let other = try await TestCA.make()
    #expect(!one.leaf.isIssued(by: other.intermediate))
    var der = one.leaf.der
    der[der.count - 1] ^= 1
    let damaged = try Certificate(der: der)
    #expect(damaged.issuer == one.intermediate.subject)
    #expect(!damaged.isIssued(by: one.intermediate))
    #expect(!Certificate.isOrdered([damaged, one.intermediate]))
  }

  @Test(arguments: [
    ("example.com", true), ("EXAMPLE.com", true), ("example.com.", true), ("a.example.com", true),
    ("*.example.com", true), ("*.Example.com", true), ("a.b.example.com", false),
    ("*.a.example.com", false), ("*.com", false), (".example.com", false), ("", false),
    (".", false), ("example.org", false), ("example.com\u{0}.org", false), ("192.0.2.1", true),
    ("192.0.2.2", false), ("::ffff:192.0.2.1", false),
  ])
  func `names are matched as clients do`(name: String, isCovered: Bool) async throws {
    let leaf = try await SharedCA.value().leaf
    #expect(leaf.covers(name) == isCovered)
  }

  @Test func `a chain keeps its order and skips text between the blocks`() async throws {
    let ca = try await SharedCA.value()
    let text =
      Array("subject=...\r\n".utf8) + ca.leaf.pem + Array("\nissuer=\n".utf8)
      + ca.intermediate.pem
    #expect(try Certificate.chain(pem: text) == ca.chain)
    let windows = String(decoding: text, as: UTF8.self).split(separator: "\n")
      .joined(separator: "\r\n")
    #expect(try Certificate.chain(pem: [0xEF, 0xBB, 0xBF] + Array(windows.utf8)) == ca.chain)
  }

  @Test func `a chain that contains a private key is rejected`() async throws {
    let ca = try await SharedCA.value()
    let text = try ca.leaf.pem + ca.leafKey.pemRepresentation()
    let error = try #require(throws: CryptoError.self) { try Certificate.chain(pem: text) }
    #expect(error.code == .malformed)
    #expect(error.description.contains("PRIVATE KEY"))
  }
}
