import COpenSSL

extension PublicKey {
  /// Creates a key from its numbers, such as those of a JWK.
  ///
  /// - Parameter components: The numbers, as `components()` returns them.
  /// - Throws: `CryptoError` with `.malformed` for an invalid key (a point off the curve),
  ///   `.unsupported` for another curve.
  public init(_ components: Components) throws(CryptoError) {
    let operation = "create a public key from its numbers"
    ErrorQueue.clear()
    let key =
      switch components {
      case .ec(let curve, let x, let y):
        try PublicKey.ec(curve: curve, point: [0x04] + x + y, operation)
      case .rsa(let modulus, let exponent):
        try PublicKey.rsa(modulus: modulus, exponent: exponent, operation)
      case .ed25519(let x): try PublicKey.ed25519(x, operation)
      }
    self.init(
      uncheckedSPKI: try unsafe DER.encode(operation) { unsafe i2d_PUBKEY(key.pointer, $0) })
  }

  private static func ec(
    curve: String, point: [UInt8], _ operation: String
  ) throws(CryptoError) -> Owned {
    guard curve == "P-256" || curve == "P-384" else {
      throw CryptoError(
        .unsupported, operation: operation, reasons: ["the curve \(curve) is not supported"])
    }
    let builder = try unsafe Owned(OSSL_PARAM_BLD_new(), OSSL_PARAM_BLD_free, operation)
    // The builder borrows the values until it is converted to parameters, hence the scope.
    let parameters = unsafe point.withUnsafeBufferPointer { point in
      unsafe curve.withCString { curve -> UnsafeMutablePointer<OSSL_PARAM>? in
        guard
          unsafe certctl_push_point(builder.pointer, curve, point.baseAddress, point.count) == 1
        else { return nil }
        return unsafe OSSL_PARAM_BLD_to_param(builder.pointer)
      }
    }
    return try unsafe key("EC", parameters, operation)
  }

  private static func rsa(
    modulus: [UInt8], exponent: [UInt8], _ operation: String
  ) throws(CryptoError) -> Owned {
    // OpenSSL accepts any two numbers, including zero.
    guard modulus.contains(where: { $0 != 0 }), exponent.contains(where: { $0 != 0 }) else {
      throw CryptoError(.malformed, operation: operation, reasons: ["a number is zero"])
    }
    let n = try BigNumber.make(modulus, operation)
    let e = try BigNumber.make(exponent, operation)
    let builder = try unsafe Owned(OSSL_PARAM_BLD_new(), OSSL_PARAM_BLD_free, operation)
    guard unsafe certctl_push_rsa(builder.pointer, n.pointer, e.pointer) == 1 else {
      throw .drained(operation)
    }
    return try unsafe key("RSA", OSSL_PARAM_BLD_to_param(builder.pointer), operation)
  }

  private static func ed25519(_ x: [UInt8], _ operation: String) throws(CryptoError) -> Owned {
    guard let key = unsafe EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nil, x, x.count) else {
      throw .drained(operation, code: .malformed)
    }
    return try unsafe Owned(key, EVP_PKEY_free, operation)
  }

  /// Creates a key from OpenSSL's parameters, and frees them.
  private static func key(
    _ family: String, _ parameters: UnsafeMutablePointer<OSSL_PARAM>?, _ operation: String
  ) throws(CryptoError) -> Owned {
    guard let parameters = unsafe parameters else { throw .drained(operation) }
    defer { unsafe OSSL_PARAM_free(parameters) }
    let context = try unsafe Owned(
      EVP_PKEY_CTX_new_from_name(nil, family, nil), EVP_PKEY_CTX_free, operation)
    var key: OpaquePointer?
    guard unsafe EVP_PKEY_fromdata_init(context.pointer) == 1,
      unsafe EVP_PKEY_fromdata(context.pointer, &key, certctl_public_key_parts, parameters) == 1
    else { throw .drained(operation, code: .malformed) }
    return try unsafe Owned(key, EVP_PKEY_free, operation)
  }
}
