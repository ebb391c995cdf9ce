import CertctlCrypto
import Testing

@Suite struct SignatureTests {
  private static let message = Array("eyJhbGciOiJFUzI1NiJ9.payload".utf8)

  @Test(arguments: [
    (KeyType.ec256, "ES256", 64), (.ec384, "ES384", 96), (.rsa2048, "RS256", 256),
    (.rsa3072, "RS256", 384), (.ed25519, "EdDSA", 64),
  ])
  func `openssl accepts the signatures`(
    type: KeyType, algorithm: String, length: Int
  ) async throws {
    let key = try PrivateKey.generate(type)
    #expect(key.joseAlgorithm == algorithm)
    let raw = try key.joseSignature(for: Self.message)
    #expect(raw.count == length)

    let folder = try TemporaryFolder()
    let keyFile = try folder.write(key.pemRepresentation(), as: "key.pem")
    let messageFile = try folder.write(Self.message, as: "message")
    let signature = algorithm.hasPrefix("ES") ? Self.der(raw) : raw
    let signatureFile = try folder.write(signature, as: "signature")
    let digest = type == .ec384 ? "-sha384" : "-sha256"
    let result =
      if type == .ed25519 {
        try await OpenSSLTool.run(
          "pkeyutl", "-verify", "-inkey", keyFile, "-rawin", "-in", messageFile, "-sigfile",
          signatureFile)
      } else {
        try await OpenSSLTool.run(
          "dgst", digest, "-prverify", keyFile, "-signature", signatureFile, messageFile)
      }
    #expect(result.isSuccess, "\(result.text)")
  }

  @Test(arguments: [KeyType.ec256, .ec384, .rsa2048, .ed25519])
  func `a signature is valid only for its message and key`(type: KeyType) throws {
    let key = try PrivateKey.generate(type)
    let other = try PrivateKey.generate(type)
    let signature = try key.joseSignature(for: Self.message)
    var damaged = signature
    damaged[damaged.count / 2] ^= 1
    #expect(try key.publicKey.verifyJOSE(signature, for: Self.message))
    #expect(try !key.publicKey.verifyJOSE(signature, for: Self.message + [0]))
    #expect(try !other.publicKey.verifyJOSE(signature, for: Self.message))
    #expect(try !key.publicKey.verifyJOSE(damaged, for: Self.message))
    #expect(try !key.publicKey.verifyJOSE(Array(signature.dropLast()), for: Self.message))
    #expect(try !key.publicKey.verifyJOSE([], for: Self.message))
  }

  @Test func `short numbers in an ES256 signature are padded`() throws {
    let key = try PrivateKey.generate(.ec256)
    // One in 64 signatures is affected, so 5,000 attempts suffice.
    for _ in 0..<5_000 {
      let signature = try key.joseSignature(for: Self.message)
      #expect(signature.count == 64)
      if signature[0] == 0 || signature[32] == 0 {
        #expect(try key.publicKey.verifyJOSE(signature, for: Self.message))
        return
      }
    }
    Issue.record("no signature with a short number came")
  }

  /// Encodes r and s as a SEQUENCE of two INTEGERs.
  private static func der(_ raw: [UInt8]) -> [UInt8] {
    func integer(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
      var content = Array(bytes.drop { $0 == 0 })
      if content.first.map({ $0 >= 0x80 }) ?? true { content.insert(0, at: 0) }
      return [0x02, UInt8(content.count)] + content
    }
    let content = integer(raw.prefix(raw.count / 2)) + integer(raw.suffix(raw.count / 2))
    return [0x30, UInt8(content.count)] + content
  }
}
