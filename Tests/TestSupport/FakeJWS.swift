internal import ACME
internal import CertctlBase
internal import CertctlCrypto
internal import FoundationEssentials

/// A signed request that has passed the checks of RFC 8555, section 6.
struct FakeJWS {
  var header: JSONValue
  var payload: JSONValue
  var isPostAsGet: Bool
  /// The signing key.
  var key: PublicKey
  /// The signing account; nil if the request carries the key itself (`jwk`).
  var account: String?
  var url: String

  init(_ request: HTTPRequest, _ state: inout FakeCAState) throws {
    let type = request.headers.first { $0.name.lowercased() == "content-type" }?.value
    guard type == "application/jose+json" else {
      throw Refusal(.malformed, "wrong content type", status: 415)
    }
    let parts = try JWSParts(request.body.flatMap { JSONValue($0) } ?? .null)
    header = parts.header
    url = request.url
    guard header["url"].string == request.url else {
      throw Refusal(.unauthorized, "the url header is not the request's", status: 401)
    }
    let nonce = header["nonce"].string ?? ""
    guard state.nonces.remove(nonce) != nil else {
      throw Refusal(.badNonce, "unknown nonce \(nonce)")
    }
    let takesKey = ["/new-acct", "/revoke"].contains { request.url.hasSuffix($0) }
    if let kid = header["kid"].string {
      guard header["jwk"] == .null, !request.url.hasSuffix("/new-acct") else {
        throw Refusal(.malformed, "kid where jwk is wanted")
      }
      guard let known = state.accounts[kid] else {
        throw Refusal(.accountDoesNotExist, "no account \(kid)")
      }
      guard known.status == "valid" else {
        throw Refusal(.unauthorized, "the account is \(known.status)", status: 403)
      }
      account = kid
      key = known.key
    } else {
      guard takesKey else { throw Refusal(.malformed, "jwk where kid is wanted") }
      key = try JWSParts.key(header["jwk"])
    }
    try parts.verify(key)
    isPostAsGet = parts.payload.isEmpty
    payload = JSONValue(parts.payload) ?? .null
    guard isPostAsGet || payload != .null else {
      throw Refusal(.malformed, "the payload is no JSON")
    }
  }

  func requirePostAsGet() throws {
    guard isPostAsGet else { throw Refusal(.malformed, "POST-as-GET has an empty payload") }
  }
}

/// The parts of a flattened JWS.
struct JWSParts {
  var header: JSONValue
  var payload: [UInt8]
  var signature: [UInt8]
  var signed: [UInt8]

  init(_ document: JSONValue) throws {
    guard let protected = document["protected"].string, let payload = document["payload"].string,
      let header = Base64URL.decode(protected).flatMap({ JSONValue($0) }),
      let bytes = Base64URL.decode(payload),
      let signature = document["signature"].string.flatMap({ Base64URL.decode($0) })
    else { throw Refusal(.malformed, "no flattened JWS") }
    self.header = header
    self.payload = bytes
    self.signature = signature
    signed = [UInt8]((protected + "." + payload).utf8)
  }

  func verify(_ key: PublicKey) throws {
    guard header["alg"].string == key.joseAlgorithm else {
      throw Refusal(.badSignatureAlgorithm, "the algorithm is not the key's")
    }
    guard try key.verifyJOSE(signature, for: signed) else {
      throw Refusal(.malformed, "the signature is wrong")
    }
  }

  static func key(_ jwk: JSONValue) throws -> PublicKey {
    let number = { (name: String) -> [UInt8] in
      jwk[name].string.flatMap { Base64URL.decode($0) } ?? []
    }
    switch jwk["kty"].string {
    case "EC":
      return try PublicKey(
        .ec(curve: jwk["crv"].string ?? "", x: number("x"), y: number("y")))
    case "RSA": return try PublicKey(.rsa(modulus: number("n"), exponent: number("e")))
    case "OKP": return try PublicKey(.ed25519(x: number("x")))
    default: throw Refusal(.badPublicKey, "no such kind of key")
    }
  }
}
