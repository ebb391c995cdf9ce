import CertctlCrypto
import Testing

@Suite struct KeyTests {
  @Test(arguments: KeyType.allCases)
  func `a key survives PEM, and its components rebuild the public key`(type: KeyType) throws {
    let made = try PrivateKey.generate(type)
    let key = try PrivateKey(pem: made.pemRepresentation())
    #expect(key.type == type)
    #expect(key.publicKey == made.publicKey)
    #expect(key.publicKey.type == type)
    #expect(try PublicKey(key.publicKey.components()) == key.publicKey)
    #expect(try PublicKey(spki: key.publicKey.spki) == key.publicKey)
  }

  @Test func `coordinates are padded to the size of the field`() throws {
    let key = try PrivateKey(pem: Array(Samples.keyWithShortCoordinates.utf8))
    guard case .ec(let curve, let x, let y) = try key.publicKey.components() else {
      Issue.record("not an EC key")
      return
    }
    #expect(curve == "P-256")
    #expect(
      Samples.hex(x) == "0020624f7db294820c31a21b10a26e8e19053d814747a6f7a0e8916be22999b5")
    #expect(
      Samples.hex(y) == "00ea27f2f8fa2111d9db738fcd9ce7e927ba512f20fe9f0c5aa4099c1bd85002")
  }

  @Test func `RSA numbers have no leading zeros`() throws {
    let components = try PrivateKey.generate(.rsa2048).publicKey.components()
    guard case .rsa(let modulus, let exponent) = components else {
      Issue.record("not an RSA key")
      return
    }
    #expect(modulus.count == 256)
    #expect(modulus.first.map { $0 >= 0x80 } == true)
    #expect(exponent == [1, 0, 1])
  }

  @Test(arguments: [
    ["ecparam", "-genkey", "-name", "prime256v1"],
    ["genrsa", "-traditional", "2048"],
    ["genpkey", "-algorithm", "ED25519"],
  ])
  func `keys from openssl are read, including SEC1 and PKCS#1`(
    command: [String]
  ) async throws {
    let pem = Array(try await OpenSSLTool.run(words: command).text.utf8)
    #expect(try PrivateKey(pem: pem).type != nil)
  }

  @Test(arguments: [
    (["genrsa", "1024"], "RSA 1024"),
    (["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"], "P-521"),
    (["genpkey", "-algorithm", "ED448"], "ED448"),
  ])
  func `a key of an unsupported type is read but cannot sign`(
    command: [String], name: String
  ) async throws {
    let pem = Array(try await OpenSSLTool.run(words: command).text.utf8)
    let key = try PrivateKey(pem: pem)
    #expect(key.type == nil)
    #expect(key.joseAlgorithm == nil)
    let error = try #require(throws: CryptoError.self) { try key.joseSignature(for: [1]) }
    #expect(error.code == .unsupported)
    #expect(error.description.contains(name))
  }

  @Test(arguments: [
    ["genpkey", "-algorithm", "ED25519", "-aes256", "-pass", "pass:secret"],
    ["genrsa", "-traditional", "-aes256", "-passout", "pass:secret", "2048"],
  ])
  func `an encrypted key is rejected with a hint`(command: [String]) async throws {
    let pem = Array(try await OpenSSLTool.run(words: command).text.utf8)
    let error = try #require(throws: CryptoError.self) { try PrivateKey(pem: pem) }
    #expect(error.code == .unsupported)
    #expect(error.hint?.contains("openssl pkey") == true, "\(error)")
  }

  @Test func `a key whose public part belongs to another key is rejected`() throws {
    let whole = try PrivateKey.generate(.ec256).pemRepresentation()
    let other = try PrivateKey.generate(.ec256)
    // The public point is the last 65 bytes of this form.
    let mixed = try TestPEM.replaceTail(of: whole, with: Array(other.publicKey.spki.suffix(65)))
    let error = try #require(throws: CryptoError.self) { try PrivateKey(pem: mixed) }
    #expect(error.code == .mismatch)
  }

  @Test func `a key's description is redacted`() throws {
    let key = try PrivateKey.generate(.ec256)
    #expect("\(key)" == "PrivateKey(P-256, redacted)")
    #expect(String(reflecting: key) == "PrivateKey(P-256, redacted)")
    var text = ""
    dump(key, to: &text)
    #expect(!text.contains("handle"))
  }
}
