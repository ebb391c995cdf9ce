import COpenSSL

extension PrivateKey {
  /// Signs a message for JWS (RFC 7518 section 3, RFC 8037).
  ///
  /// - Parameter message: The bytes to sign, not their digest.
  /// - Returns: ES256 and ES384: r and s, each padded to the size of the field; RS256: PKCS#1 v1.5;
  ///   EdDSA: 64 bytes.
  /// - Throws: `CryptoError` with `.unsupported` for a key without a JWS algorithm (P-521, RSA
  ///   below 2048).
  public func joseSignature(for message: [UInt8]) throws(CryptoError) -> [UInt8] {
    let operation = "sign a message"
    let family = family
    guard family.joseAlgorithm != nil else {
      throw CryptoError(
        .unsupported, operation: operation, reasons: ["\(family.name) keys are not supported"],
        hint: "use a P-256, P-384 or Ed25519 key, or an RSA key of at least 2048 bits")
    }
    ErrorQueue.clear()
    let context = try unsafe Owned(EVP_MD_CTX_new(), EVP_MD_CTX_free, operation)
    var length = 0
    guard
      unsafe EVP_DigestSignInit(context.pointer, nil, family.digest, nil, handle.pointer) == 1,
      unsafe EVP_DigestSign(context.pointer, nil, &length, message, message.count) == 1
    else { throw .drained(operation) }
    var signature = [UInt8](repeating: 0, count: length)
    guard
      unsafe EVP_DigestSign(context.pointer, &signature, &length, message, message.count) == 1
    else { throw .drained(operation) }
    signature.removeLast(signature.count - length)
    guard let coordinate = family.coordinateLength else { return signature }
    return try ECDSASignature.raw(signature, coordinate: coordinate, operation)
  }
}

extension PublicKey {
  /// Verifies a JWS signature.
  ///
  /// - Parameters:
  ///   - signature: The signature, in the format of `PrivateKey.joseSignature(for:)`.
  ///   - message: The bytes that were signed.
  /// - Returns: Whether the signature is valid; a signature of the wrong length is not.
  /// - Throws: `CryptoError` with `.unsupported` for a key without a JWS algorithm, `.malformed`
  ///   for a damaged key.
  public func verifyJOSE(
    _ signature: [UInt8], for message: [UInt8]
  ) throws(CryptoError) -> Bool {
    let operation = "verify a signature"
    let key = try decoded(operation)
    let family = unsafe KeyFamily(key.pointer)
    guard family.joseAlgorithm != nil else {
      throw CryptoError(
        .unsupported, operation: operation, reasons: ["\(family.name) keys are not supported"])
    }
    var signature = signature
    if let coordinate = family.coordinateLength {
      guard signature.count == 2 * coordinate else { return false }
      signature = try ECDSASignature.der(signature, operation)
    }
    let context = try unsafe Owned(EVP_MD_CTX_new(), EVP_MD_CTX_free, operation)
    guard
      unsafe EVP_DigestVerifyInit(context.pointer, nil, family.digest, nil, key.pointer) == 1
    else { throw .drained(operation) }
    let result = unsafe EVP_DigestVerify(
      context.pointer, signature, signature.count, message, message.count)
    ErrorQueue.clear()
    return result == 1
  }
}

/// Conversions of ECDSA signatures: DER for OpenSSL, two padded numbers for JOSE.
private enum ECDSASignature {
  static func raw(
    _ der: [UInt8], coordinate: Int, _ operation: String
  ) throws(CryptoError) -> [UInt8] {
    let signature = try unsafe DER.decode(der, ECDSA_SIG_free, operation) {
      unsafe d2i_ECDSA_SIG(nil, $0, $1)
    }
    return try unsafe BigNumber.bytes(
      ECDSA_SIG_get0_r(signature.pointer), padded: coordinate, operation)
      + BigNumber.bytes(ECDSA_SIG_get0_s(signature.pointer), padded: coordinate, operation)
  }

  static func der(_ raw: [UInt8], _ operation: String) throws(CryptoError) -> [UInt8] {
    let half = raw.count / 2
    let r = try BigNumber.make(Array(raw.prefix(half)), operation)
    let s = try BigNumber.make(Array(raw.suffix(half)), operation)
    let signature = try unsafe Owned(ECDSA_SIG_new(), ECDSA_SIG_free, operation)
    // set0 takes ownership of both numbers; it fails only if one is missing.
    guard unsafe ECDSA_SIG_set0(signature.pointer, r.release(), s.release()) == 1 else {
      throw .drained(operation)
    }
    return try unsafe DER.encode(operation) { unsafe i2d_ECDSA_SIG(signature.pointer, $0) }
  }
}
