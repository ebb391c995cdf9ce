import PKI
import Testing

@Suite struct KeyTests {
  @Test(arguments: KeyType.allCases)
  func `a key survives PEM and its signature verifies`(type: KeyType) throws {
    let made = try PrivateKey.generate(type)
    let key = try PrivateKey(pem: made.pemRepresentation())
    #expect(key.type == type)
    #expect(key.publicKey == made.publicKey)
    let signature = try made.joseSignature(for: Array("message".utf8))
    #expect(try key.publicKey.verifyJOSE(signature, for: Array("message".utf8)))
    #expect(try !key.publicKey.verifyJOSE(signature, for: Array("Message".utf8)))
    let again = try PublicKey(key.publicKey.components())
    #expect(again == key.publicKey)
    let request = try CertificateRequest(
      key: key, dnsNames: ["*.example.com"], ipAddresses: ["2001:db8:0::1"])
    #expect(request.dnsNames == ["*.example.com"])
    #expect(request.ipAddresses == ["2001:db8::1"])
    #expect(try CertificateRequest(pem: request.pem).der == request.der)
  }
}
