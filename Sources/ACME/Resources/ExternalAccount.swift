public import CertctlCrypto
internal import FoundationEssentials

/// A customer's key at a CA that gives accounts only to its customers (RFC 8555 section 7.3.4).
public struct ExternalAccount: Sendable, CustomStringConvertible {
  /// The key identifier that the CA gave.
  public var keyID: String
  /// The HMAC key as raw bytes; a secret.
  public var hmacKey: [UInt8]
  /// The hash of the HMAC; SHA-256 unless the CA says otherwise.
  public var hash: HMAC.Hash

  /// Takes the key as raw bytes.
  public init(keyID: String, hmacKey: [UInt8], hash: HMAC.Hash = .sha256) {
    self.keyID = keyID
    self.hmacKey = hmacKey
    self.hash = hash
  }

  /// Reads the key as CAs print it: base64url, or plain base64, padded or not, on one line or several.
  ///
  /// - Throws: ``ACMEError`` with the code ``ACMEError/Code/badRequest``; the key is not in it.
  public init(keyID: String, encodedKey: String, hash: HMAC.Hash = .sha256) throws(ACMEError) {
    let visible = encodedKey.unicodeScalars.filter { !$0.properties.isWhitespace }
    let letters = visible.map { scalar -> Character in
      switch scalar {
      case "+": "-"
      case "/": "_"
      default: Character(scalar)
      }
    }
    var text = String(letters)
    while text.hasSuffix("=") { text.removeLast() }
    guard let key = Base64URL.decode(text), !key.isEmpty else {
      throw ACMEError(
        .badRequest, "read the HMAC key of the external account", subject: keyID,
        detail: "it is not base64url",
        hint: "Copy the key exactly as the CA shows it; it has letters, digits, - and _ only.")
    }
    self.init(keyID: keyID, hmacKey: key, hash: hash)
  }

  /// The key identifier; the key is a secret.
  public var description: String { "ExternalAccount(\(keyID), key redacted)" }

  /// The JWS algorithm of the binding.
  var algorithm: String {
    switch hash {
    case .sha256: "HS256"
    case .sha384: "HS384"
    case .sha512: "HS512"
    }
  }
}
