import CertctlCrypto
import Testing

@Suite struct CertificateRequestTests {
  @Test(arguments: [KeyType.ec256, .ec384, .rsa2048, .ed25519])
  func `openssl verifies a CSR that contains only names`(
    type: KeyType
  ) async throws {
    let key = try PrivateKey.generate(type)
    let request = try CertificateRequest(
      key: key, dnsNames: ["example.com", "*.example.com"],
      ipAddresses: ["192.0.2.1", "2001:db8:0:0:0:0:0:1"])
    let result = try await OpenSSLTool.run(
      "req", "-verify", "-noout", "-text", input: request.pem)
    #expect(result.isSuccess)
    #expect(result.text.contains("self-signature verify OK"))
    #expect(
      result.text.contains(
        "DNS:example.com, DNS:*.example.com, IP Address:192.0.2.1, "
          + "IP Address:2001:DB8:0:0:0:0:0:1"))
    #expect(!result.text.contains("Extended Key Usage"))
    #expect(!result.text.contains("CN ="))
  }

  @Test func `a CSR is read back unchanged`() throws {
    let key = try PrivateKey.generate(.ec256)
    let made = try CertificateRequest(
      key: key, dnsNames: ["example.com"], ipAddresses: ["2001:0db8::0001"])
    for request in [try CertificateRequest(pem: made.pem), try CertificateRequest(der: made.der)] {
      #expect(request == made)
      #expect(request.dnsNames == ["example.com"])
      #expect(request.ipAddresses == ["2001:db8::1"])
      #expect(request.publicKey == key.publicKey)
      #expect(request.subjectCommonName == nil)
    }
  }

  @Test func `a name cannot inject another one`() throws {
    let key = try PrivateKey.generate(.ec256)
    let name = "example.com,DNS:evil.example"
    #expect(try CertificateRequest(key: key, dnsNames: [name]).dnsNames == [name])
  }

  @Test(arguments: [
    ["exa mple.com"], ["bücher.example"], [""], ["a\u{0}b"], [String(repeating: "a", count: 254)],
  ])
  func `an invalid name is rejected`(names: [String]) throws {
    let key = try PrivateKey.generate(.ec256)
    let error = try #require(throws: CryptoError.self) {
      try CertificateRequest(key: key, dnsNames: names)
    }
    #expect(error.code == .malformed)
    #expect(error.subject == names[0])
  }

  @Test func `a CSR without names or with an invalid address is rejected`() throws {
    let key = try PrivateKey.generate(.ec256)
    #expect(throws: CryptoError.self) { try CertificateRequest(key: key, dnsNames: []) }
    for address in ["192.0.2", "192.0.2.256", "::1%lo", "example.com", "1.2.3.4\u{0}"] {
      #expect(throws: CryptoError.self) {
        try CertificateRequest(key: key, dnsNames: [], ipAddresses: [address])
      }
    }
  }

  @Test func `a CSR with an invalid signature is rejected`() throws {
    let key = try PrivateKey.generate(.ec256)
    var der = try CertificateRequest(key: key, dnsNames: ["example.com"]).der
    let place = try #require(
      der.indices.first { Array(der[$0...].prefix(7)) == Array("example".utf8) })
    der[place] = UInt8(ascii: "f")
    let error = try #require(throws: CryptoError.self) { try CertificateRequest(der: der) }
    #expect(error.code == .malformed)
    #expect(error.hint != nil)
  }

  @Test func `a CSR from openssl is read with its common name`() async throws {
    let folder = try TemporaryFolder()
    let result = try await OpenSSLTool.run(
      "req", "-new", "-newkey", "ed25519", "-nodes", "-keyout", folder.path + "/key", "-subj",
      "/CN=plain.example", "-out", folder.path + "/csr")
    #expect(result.isSuccess)
    let request = try CertificateRequest(pem: folder.read("csr"))
    #expect(request.subjectCommonName == "plain.example")
    #expect(request.dnsNames == [])
  }
}
