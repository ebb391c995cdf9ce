public import CertctlCrypto

/// A public key as a JSON Web Key (RFC 7517), in the form that its thumbprint requires.
package struct JWK: Sendable, Equatable {
  /// The key as JSON: required members only, in lexicographic order, no white space (RFC 7638).
  package let json: String

  /// Creates the JWK of a key.
  ///
  /// - Throws: `CryptoError` for a key type without a JWK form.
  package init(_ key: PublicKey) throws(CryptoError) {
    // All values are base64url or constants, so nothing needs escaping.
    switch try key.components() {
    case .ec(let curve, let x, let y):
      json =
        #"{"crv":"\#(curve)","kty":"EC","x":"\#(Base64URL.encode(x))","y":"\#(Base64URL.encode(y))"}"#
    case .rsa(let modulus, let exponent):
      json =
        #"{"e":"\#(Base64URL.encode(exponent))","kty":"RSA","n":"\#(Base64URL.encode(modulus))"}"#
    case .ed25519(let x):
      json = #"{"crv":"Ed25519","kty":"OKP","x":"\#(Base64URL.encode(x))"}"#
    }
  }

  /// The SHA-256 thumbprint (RFC 7638) as base64url.
  package var thumbprint: String { Base64URL.encode(Digest.sha256([UInt8](json.utf8))) }
}

extension PublicKey {
  /// The key's JWK thumbprint (RFC 7638) as base64url: the second half of key authorizations.
  ///
  /// - Throws: ``ACMEError`` with the code ``ACMEError/Code/key`` for a key type that ACME does not
  ///   support.
  public var thumbprint: String {
    get throws(ACMEError) { try KeyUse.jwk(self).thumbprint }
  }
}

/// Operations on keys that throw ``ACMEError``.
enum KeyUse {
  static func jwk(_ key: PublicKey) throws(ACMEError) -> JWK {
    do throws(CryptoError) {
      return try JWK(key)
    } catch {
      throw failure("use the public key", error)
    }
  }

  static func failure(_ operation: String, _ error: CryptoError) -> ACMEError {
    ACMEError(.key, operation, underlying: error, hint: error.hint)
  }
}
