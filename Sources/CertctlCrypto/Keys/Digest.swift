import COpenSSL

/// Hash functions.
public enum Digest {
  /// Returns the SHA-256 digest of the bytes: always 32 bytes.
  ///
  /// It does not throw, because it fails only if OpenSSL has no SHA-256 at all (a configuration
  /// without the default provider). Then the result is 32 random bytes, which match nothing, so
  /// that every comparison fails.
  public static func sha256(_ bytes: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    guard unsafe EVP_Digest(bytes, bytes.count, &digest, nil, EVP_sha256(), nil) == 1 else {
      ErrorQueue.clear()
      return digest.map { _ in UInt8.random(in: .min ... .max) }
    }
    return digest
  }

  /// Returns the SHA-1 digest of the bytes: always 20 bytes.
  ///
  /// Only for external protocols that require it, such as OVH's signed requests, where it covers a
  /// secret and collisions do not matter. If the system's policy forbids SHA-1, the result is 20
  /// random bytes, which match nothing, as in ``sha256(_:)``.
  public static func sha1(_ bytes: [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 20)
    guard unsafe EVP_Digest(bytes, bytes.count, &digest, nil, EVP_sha1(), nil) == 1 else {
      ErrorQueue.clear()
      return digest.map { _ in UInt8.random(in: .min ... .max) }
    }
    return digest
  }
}

/// Keyed hash functions (RFC 2104).
public enum HMAC {
  /// The underlying hash function.
  public enum Hash: Sendable, Hashable, CaseIterable {
    /// SHA-256: 32 bytes, the `HS256` of JOSE.
    case sha256
    /// SHA-384: 48 bytes, the `HS384` of JOSE.
    case sha384
    /// SHA-512: 64 bytes, the `HS512` of JOSE.
    case sha512

    fileprivate var name: String {
      switch self {
      case .sha256: "SHA256"
      case .sha384: "SHA384"
      case .sha512: "SHA512"
      }
    }
  }

  /// Returns the authentication code of a message.
  ///
  /// - Parameters:
  ///   - hash: The underlying hash function.
  ///   - key: The secret, at least one byte.
  ///   - message: The bytes to authenticate.
  /// - Returns: As many bytes as the hash function returns.
  /// - Throws: `CryptoError` with `.malformed` for an empty key.
  public static func code(
    _ hash: Hash, key: [UInt8], message: [UInt8]
  ) throws(CryptoError) -> [UInt8] {
    try code(hash.name, key, message)
  }

  /// Returns the authentication code with SHA-1, 20 bytes; only for the one-time codes of RFC 6238.
  ///
  /// - Parameters:
  ///   - key: The secret, at least one byte.
  ///   - message: The bytes to authenticate.
  /// - Returns: The code.
  /// - Throws: `CryptoError` with `.malformed` for an empty key.
  public static func sha1Code(key: [UInt8], message: [UInt8]) throws(CryptoError) -> [UInt8] {
    try code("SHA1", key, message)
  }

  private static func code(
    _ hash: String, _ key: [UInt8], _ message: [UInt8]
  ) throws(CryptoError) -> [UInt8] {
    let operation = "compute an HMAC"
    guard !key.isEmpty else {
      throw CryptoError(.malformed, operation: operation, reasons: ["the key is empty"])
    }
    ErrorQueue.clear()
    var code = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
    var length = 0
    let result = unsafe EVP_Q_mac(
      nil, "HMAC", nil, hash, nil, key, key.count, message, message.count, &code, code.count,
      &length)
    guard unsafe result != nil else { throw .drained(operation) }
    return Array(code.prefix(length))
  }
}

/// Random bytes for secrets and identifiers.
public enum RandomBytes {
  /// Generates cryptographically secure random bytes.
  ///
  /// - Parameter count: The number of bytes; not negative.
  /// - Returns: The bytes.
  /// - Throws: `CryptoError` when the generator has no entropy, or for a negative count.
  public static func make(_ count: Int) throws(CryptoError) -> [UInt8] {
    let operation = "generate random bytes"
    guard count >= 0, let length = Int32(exactly: count) else {
      throw CryptoError(.malformed, operation: operation, reasons: ["\(count) is not a length"])
    }
    ErrorQueue.clear()
    var bytes = [UInt8](repeating: 0, count: count)
    guard unsafe RAND_bytes(&bytes, length) == 1 else { throw .drained(operation) }
    return bytes
  }
}
