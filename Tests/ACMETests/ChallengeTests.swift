import ACME
import CertctlCrypto
import FoundationEssentials
import TestSupport
import Testing

@Suite struct ChallengeTests {
  /// Returns an authorization as parsed by the client after a test has altered the response.
  private func authorization(
    _ bend: @escaping @Sendable (inout JSONValue) -> Void
  ) async throws -> Authorization {
    let stage = try Stage { $0.bend = { if $0 == .authorization { bend(&$1) } } }
    let account = try await stage.account()
    let order = try await account.newOrder(NewOrder([.dns("example.com")]))
    return try await account.authorization(at: order.authorizations[0])
  }

  @Test(arguments: [
    "", "..", "../../etc/passwd", "a/b", "a b", "a.b", "a\nb", "a\u{0}b", "tök", "a=", "a+b",
    "$(id)",
    "`id`", "%2e%2e", String(repeating: "a", count: 129),
  ])
  func `an invalid token disables only its own challenge`(
    token: String
  ) async throws {
    let result = try await authorization { body in
      body["challenges"] = [
        ["type": "http-01", "url": "https://ca.test/c/1", "token": .string(token)],
        ["type": "dns-01", "url": "https://ca.test/c/2", "token": "good-_token"],
      ]
    }
    #expect(result.challenges.map(\.type) == [.http01, .dns01])
    #expect(result.challenges[0].token == nil)
    #expect(result.challenges[1].token == "good-_token")
    let key = try PrivateKey.generate(.ec256).publicKey
    let error = #expect(throws: ACMEError.self) {
      _ = try result.challenges[0].keyAuthorization(accountKey: key)
    }
    #expect(error?.code == .untrustedAnswer)
  }

  @Test func `a token of the maximum length is accepted`() async throws {
    let token = String(repeating: "a", count: 128)
    let result = try await authorization { body in
      body["challenges"] = [["type": "http-01", "url": "u", "token": .string(token)]]
    }
    #expect(result.challenges[0].token == token)
  }

  @Test func `unknown challenge types and statuses are kept`() async throws {
    let result = try await authorization { body in
      body["status"] = "on-hold"
      body["expires"] = "next week"
      body["challenges"] = [
        ["type": "telepathy-01", "url": "https://ca.test/c/1", "status": "thinking"],
        ["type": 7, "token": ["a"], "error": "words"], nil, "words", 3,
        [
          "type": "dns-persist-01", "url": "https://ca.test/c/2",
          "issuer-domain-names": ["ca.test", 1], "accounturi": "https://ca.test/acct/1",
        ],
      ]
    }
    #expect(result.status.rawValue == "on-hold")
    #expect(result.expires == nil)
    #expect(result.challenges.map(\.type.rawValue) == ["telepathy-01", "", "dns-persist-01"])
    #expect(result.challenges[2].issuerDomainNames == ["ca.test"])
    #expect(result.challenges[2].accountURI == "https://ca.test/acct/1")
    #expect(result.challenges[2].token == nil)
  }

  @Test func `an authorization without an identifier is an unexpected response`() async throws {
    let error = await failure {
      _ = try await authorization { $0["identifier"] = nil }
    }
    #expect(error?.code == .unexpectedAnswer)
  }

  @Test func `a challenge derives the path, TXT value and digest from its token`() throws {
    // The key and thumbprint are from RFC 7638; the digests were computed with openssl.
    let key = try rfc7638Key()
    let document = #"{"type":"http-01","url":"https://ca.test/c","token":"tok-EN_1"}"#
    let challenge = try JSONDecoder().decode(Challenge.self, from: Data(document.utf8))
    let value = try challenge.keyAuthorization(accountKey: key)
    #expect(value.string == "tok-EN_1.NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs")
    #expect(value.httpPath == "/.well-known/acme-challenge/tok-EN_1")
    #expect(value.dnsTXTValue == "o4eNeZrOi1aCW_s0orzrRFAHBpW95qYsaZjZ_O5CSRg")
    #expect(Base64URL.encode(value.alpnDigest) == value.dnsTXTValue)
  }

  @Test func `a stored key authorization is decoded, and malformed ones are rejected`() throws {
    let value = try #require(KeyAuthorization("tok-EN_1.thumb"))
    #expect(value.token == "tok-EN_1" && value.string == "tok-EN_1.thumb")
    #expect(KeyAuthorization("\(value)") == value)
    let kept = try JSONEncoder().encode([value])
    #expect(String(decoding: kept, as: UTF8.self) == #"["tok-EN_1.thumb"]"#)
    #expect(try JSONDecoder().decode([KeyAuthorization].self, from: kept) == [value])
    let long = String(repeating: "a", count: Challenge.longestToken)
    #expect(KeyAuthorization("\(long).k") != nil)
    for text in ["", ".", "t", "t.", ".k", "t.k.l", "../t.k", "a/b.k", "t.k\n", "\(long)a.k"] {
      #expect(KeyAuthorization(text) == nil, "\(text)")
      #expect(throws: DecodingError.self) {
        try JSONDecoder().decode(
          [KeyAuthorization].self, from: JSONEncoder().encode([text]))
      }
    }
  }

  @Test func `the dns-account-01 label matches the draft's example`() {
    #expect(
      KeyAuthorization.dnsAccountLabel(
        accountURL: "https://example.com/acme/acct/ExampleAccount") == "_ujmmovf2vn55tgye")
  }
}

/// The RSA key of RFC 7638 section 3.1.
func rfc7638Key() throws -> PublicKey {
  let modulus =
    "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECP"
    + "ebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY"
    + "368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0f"
    + "M4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
  return try PublicKey(
    .rsa(modulus: Base64URL.decode(modulus) ?? [], exponent: Base64URL.decode("AQAB") ?? []))
}
