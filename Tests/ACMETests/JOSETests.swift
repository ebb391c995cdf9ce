import CertctlCrypto
import FoundationEssentials
import TestSupport
import Testing

@testable import ACME

@Suite struct JOSETests {
  @Test func `a thumbprint matches the example of RFC 7638`() throws {
    #expect(try rfc7638Key().thumbprint == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")
  }

  @Test func `a thumbprint matches the example of RFC 8037`() throws {
    #expect(try rfc8037Key().thumbprint == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")
  }

  @Test(arguments: [
    (HMAC.Hash.sha256, "L4gnfDrCtxct2I6njHJQOJDKskfgALe_7004-mk3Ljc"),
    (.sha384, "vXRlmlERCGS90_9_DVZ8p0CinkQLJS458_Bk66lpC1XiO1_4EUnM1fQr8dN5BZIN"),
    (
      .sha512,
      "Ef5p1sPx2wUXMcnWZvwP8E9btImHhKOF_3xtyoT-ILIbvq4Ktv1sxNqvSlJtBcoGiHomS8b1of66KeTVAAEWEQ"
    ),
  ])
  func `external account bindings match those of another program`(
    hash: HMAC.Hash, signature: String
  ) throws {
    // The signatures were computed with Python's hmac.
    let external = ExternalAccount(
      keyID: "kid-1", hmacKey: [UInt8]("secret key of a customer".utf8), hash: hash)
    let bytes = try JWS.externalBinding(
      external, jwk: JWK(rfc8037Key()), url: "https://ca.test/new-acct")
    let document = try #require(JSONValue(bytes))
    #expect(document["signature"].string == signature)
  }

  @Test func `a URL with special characters is escaped in the header`() throws {
    let bytes = try JWS.sign(
      [], url: #"https://ca.test/"\"#, nonce: "n", by: Signer(key: PrivateKey.generate(.ec256)))
    let header = JSONValue(bytes)?["protected"].string.flatMap { Base64URL.decode($0) }
    #expect(header.flatMap { JSONValue($0) }?["url"].string == #"https://ca.test/"\"#)
  }

  @Test func `base64url decoding reverses encoding`() {
    for length in 0..<70 {
      let bytes = (0..<length).map { UInt8(truncatingIfNeeded: $0 * 37 + length) }
      #expect(Base64URL.decode(Base64URL.encode(bytes)) == bytes)
    }
    #expect(Base64URL.encode([0xfb, 0xff]) == "-_8")
    #expect(Base64URL.encode("foobar") == "Zm9vYmFy")
  }

  @Test(arguments: ["a", "ab=", "a+b/", "Zm9v YmFy", "Zm9vY", "-_9", "\u{e9}"])
  func `non-strict base64url is rejected`(text: String) {
    #expect(Base64URL.decode(text) == nil)
  }

  private func rfc8037Key() throws -> PublicKey {
    try PublicKey(
      .ed25519(x: Base64URL.decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo") ?? []))
  }
}
