import COpenSSL

/// A public key, in the encoding of certificates.
public struct PublicKey: Sendable, Hashable {
  /// The DER of the SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7).
  public let spki: [UInt8]

  /// Stores bytes that come from OpenSSL or a parsed certificate, without checking them.
  init(uncheckedSPKI spki: [UInt8]) { self.spki = spki }

  /// Parses a SubjectPublicKeyInfo.
  ///
  /// - Parameter spki: The DER, without trailing bytes.
  /// - Throws: `CryptoError` with `.malformed`.
  public init(spki: [UInt8]) throws(CryptoError) {
    self.spki = spki
    _ = try decoded("read the public key")
  }

  /// The numbers of a key, as a JWK contains them (RFC 7518 section 6, RFC 8037 section 2).
  public enum Components: Sendable, Hashable {
    /// A point; both coordinates are padded with zeros to the size of the field.
    case ec(curve: String, x: [UInt8], y: [UInt8])
    /// RSA: both numbers without leading zeros.
    case rsa(modulus: [UInt8], exponent: [UInt8])
    /// Ed25519: 32 bytes.
    case ed25519(x: [UInt8])
  }

  /// The kind of key, or nil for one that `PrivateKey.generate` cannot create.
  public var type: KeyType? { family?.type }

  /// The kind of key for people: `P-256`, `RSA 1024`.
  public var kind: String { family?.name ?? "unknown" }

  /// The JWS `alg` that `verifyJOSE` expects, or nil if it refuses this key.
  public var joseAlgorithm: String? { family?.joseAlgorithm }

  /// Returns the key's numbers.
  ///
  /// - Returns: The numbers; the curve is `P-256` or `P-384`.
  /// - Throws: `CryptoError` with `.unsupported` for other keys, `.malformed` for damaged bytes.
  public func components() throws(CryptoError) -> Components {
    let operation = "read the public key's numbers"
    let key = try decoded(operation)
    let family = unsafe KeyFamily(key.pointer)
    switch family {
    case .p256, .p384:
      return .ec(
        curve: family.name,
        x: try number(OSSL_PKEY_PARAM_EC_PUB_X, of: key, padded: family.coordinateLength),
        y: try number(OSSL_PKEY_PARAM_EC_PUB_Y, of: key, padded: family.coordinateLength))
    case .rsa:
      return .rsa(
        modulus: try number(OSSL_PKEY_PARAM_RSA_N, of: key),
        exponent: try number(OSSL_PKEY_PARAM_RSA_E, of: key))
    case .ed25519:
      var x = [UInt8](repeating: 0, count: 32)
      var length = x.count
      guard unsafe EVP_PKEY_get_raw_public_key(key.pointer, &x, &length) == 1, length == x.count
      else { throw .drained(operation) }
      return .ed25519(x: x)
    case .p521, .other:
      throw CryptoError(
        .unsupported, operation: operation, reasons: ["\(family.name) keys are not supported"])
    }
  }

  private var family: KeyFamily? {
    guard let key = try? decoded("read the public key") else { return nil }
    return unsafe KeyFamily(key.pointer)
  }

  func decoded(_ operation: String) throws(CryptoError) -> Owned {
    try unsafe DER.decode(spki, EVP_PKEY_free, operation) { unsafe d2i_PUBKEY(nil, $0, $1) }
  }

  private func number(
    _ name: String, of key: borrowing Owned, padded length: Int? = nil
  ) throws(CryptoError) -> [UInt8] {
    let operation = "read the public key's numbers"
    var value: OpaquePointer?
    guard unsafe EVP_PKEY_get_bn_param(key.pointer, name, &value) == 1 else {
      throw .drained(operation)
    }
    let number = try unsafe Owned(value, BN_free, operation)
    return try unsafe BigNumber.bytes(number.pointer, padded: length, operation)
  }
}
