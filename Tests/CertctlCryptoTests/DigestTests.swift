import CertctlCrypto
import Testing

@Suite struct DigestTests {
  @Test func `SHA-256 matches the examples of FIPS 180`() {
    #expect(
      Samples.hex(Digest.sha256(Array("abc".utf8)))
        == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(
      Samples.hex(Digest.sha256([]))
        == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
  }

  @Test(arguments: [
    (HMAC.Hash.sha256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
    (
      .sha384,
      "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
        + "8e2240ca5e69e2c78b3239ecfab21649"
    ),
    (
      .sha512,
      "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
        + "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737"
    ),
  ])
  func `HMAC matches RFC 4231 test case 2`(hash: HMAC.Hash, code: String) throws {
    let message = Array("what do ya want for nothing?".utf8)
    #expect(try Samples.hex(HMAC.code(hash, key: Array("Jefe".utf8), message: message)) == code)
  }

  @Test func `SHA-1 matches the example of FIPS 180`() {
    #expect(
      Digest.sha1(Array("abc".utf8)) == [
        0xa9, 0x99, 0x3e, 0x36, 0x47, 0x06, 0x81, 0x6a, 0xba, 0x3e, 0x25, 0x71, 0x78, 0x50, 0xc2,
        0x6c, 0x9c, 0xd0, 0xd8, 0x9d,
      ])
  }

  @Test func `an empty HMAC key is rejected, an empty message is not`() throws {
    #expect(throws: CryptoError.self) { try HMAC.code(.sha256, key: [], message: [1]) }
    #expect(try HMAC.code(.sha256, key: [1], message: []).count == 32)
  }

  @Test func `random bytes have the requested length and differ`() throws {
    #expect(try RandomBytes.make(0) == [])
    #expect(try RandomBytes.make(33).count == 33)
    #expect(try RandomBytes.make(32) != RandomBytes.make(32))
    #expect(throws: CryptoError.self) { try RandomBytes.make(-1) }
  }
}
