internal import CertctlCrypto

/// The signer of a request: an account, or a key without an account.
struct Signer: Sendable {
  /// The private key.
  var key: PrivateKey
  /// The account's URL (`kid`); `nil` to send the public key itself (`jwk`).
  var accountURL: String?
}

/// A JWS in flattened JSON (RFC 7515 section 7.2.2, RFC 8555 section 6.2).
enum JWS {
  /// Signs a payload for a URL; only inner signatures have no nonce.
  static func sign(
    _ payload: [UInt8], url: String, nonce: String?, by signer: Signer
  ) throws(ACMEError) -> [UInt8] {
    guard let algorithm = signer.key.publicKey.joseAlgorithm else {
      throw ACMEError(
        .key, "sign the request", detail: "ACME does not support this key type",
        hint: "use an account key of type ec256, ec384, rsa2048 or larger, or ed25519")
    }
    var header = #"{"alg":"\#(algorithm)","#
    if let accountURL = signer.accountURL {
      header += #""kid":\#(JSON.quote(accountURL)),"#
    } else {
      header += #""jwk":\#(try KeyUse.jwk(signer.key.publicKey).json),"#
    }
    if let nonce { header += #""nonce":\#(JSON.quote(nonce)),"# }
    header += #""url":\#(JSON.quote(url))}"#
    let parts = (Base64URL.encode(header), Base64URL.encode(payload))
    let signature: [UInt8]
    do throws(CryptoError) {
      signature = try signer.key.joseSignature(for: [UInt8]((parts.0 + "." + parts.1).utf8))
    } catch {
      throw KeyUse.failure("sign the request", error)
    }
    return flattened(protected: parts.0, payload: parts.1, signature: signature)
  }

  /// Signs the binding of an account key to a customer of the CA (RFC 8555 section 7.3.4).
  static func externalBinding(
    _ account: ExternalAccount, jwk: JWK, url: String
  ) throws(ACMEError) -> [UInt8] {
    let header =
      #"{"alg":"\#(account.algorithm)","kid":\#(JSON.quote(account.keyID)),"#
      + #""url":\#(JSON.quote(url))}"#
    let parts = (Base64URL.encode(header), Base64URL.encode(jwk.json))
    do throws(CryptoError) {
      let code = try HMAC.code(
        account.hash, key: account.hmacKey, message: [UInt8]((parts.0 + "." + parts.1).utf8))
      return flattened(protected: parts.0, payload: parts.1, signature: code)
    } catch {
      throw KeyUse.failure("sign the external account binding", error)
    }
  }

  private static func flattened(
    protected: String, payload: String, signature: [UInt8]
  ) -> [UInt8] {
    [UInt8](
      (#"{"protected":"\#(protected)","payload":"\#(payload)","signature":""#
        + Base64URL.encode(signature) + #""}"#).utf8)
  }
}
