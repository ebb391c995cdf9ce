public import CertctlCrypto
internal import FoundationEssentials

/// The customer key for external account binding (RFC 8555 section 7.3.4).
public struct ExternalAccount: Sendable, CustomStringConvertible {
  /// The key identifier from the CA.
  public var keyID: String
  /// The HMAC key as raw bytes; a secret.
  public var hmacKey: [UInt8]
  /// The hash of the HMAC; SHA-256 unless the CA requires another.
  public var hash: HMAC.Hash

  /// Creates a key from raw bytes.
  public init(keyID: String, hmacKey: [UInt8], hash: HMAC.Hash = .sha256) {
    self.keyID = keyID
    self.hmacKey = hmacKey
    self.hash = hash
  }

  /// Creates a key from text: base64url or base64, with or without padding and line breaks.
  ///
  /// - Throws: ``ACMEError`` with the code ``ACMEError/Code/badRequest``, never with the key.
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
        detail: "not base64url",
        hint: "copy the key exactly as the CA shows it: letters, digits, - and _")
    }
    self.init(keyID: keyID, hmacKey: key, hash: hash)
  }

  /// The key identifier, without the key.
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
