import COpenSSL

/// A group for the Diffie-Hellman key exchange, in the format of `ssl_dhparam`.
///
/// ECDHE clients do not use it, and Mozilla's guidelines have omitted it since version 6.0.
package struct DHParameters: Sendable, Hashable {
  /// The sizes of RFC 7919, in bits.
  package static let standardSizes = [2048, 3072, 4096, 6144, 8192]

  /// The PEM text, `DH PARAMETERS` (PKCS #3).
  package let pem: [UInt8]

  /// The prime, big-endian.
  package let prime: [UInt8]

  /// The generator, big-endian; 2 in all groups that certctl creates.
  package let generator: [UInt8]

  /// The size of the prime in bits.
  package let bits: Int

  /// The name of a published group: `ffdhe2048` (RFC 7919), `modp_2048` (RFC 3526),
  /// `dh_2048_256` (RFC 5114).
  package let group: String?

  /// Returns a group of RFC 7919, without a search.
  ///
  /// - Parameter bits: One of `standardSizes`.
  /// - Returns: The parameters, checked by OpenSSL.
  /// - Throws: `CryptoError` with `.unsupported` for another size.
  package static func standard(bits: Int) throws(CryptoError) -> DHParameters {
    let operation = "generate DH parameters"
    guard standardSizes.contains(bits) else {
      let sizes = standardSizes.map(String.init).joined(separator: ", ")
      throw CryptoError(
        .unsupported, operation: operation,
        reasons: ["RFC 7919 defines groups of \(sizes) bits only"])
    }
    ErrorQueue.clear()
    let name = "ffdhe\(bits)"
    let context = try unsafe Owned(
      EVP_PKEY_CTX_new_from_name(nil, "DH", nil), EVP_PKEY_CTX_free, operation)
    var key: OpaquePointer?
    guard unsafe EVP_PKEY_paramgen_init(context.pointer) == 1,
      unsafe EVP_PKEY_CTX_set_dh_nid(context.pointer, OBJ_sn2nid(name)) == 1,
      unsafe EVP_PKEY_paramgen(context.pointer, &key) == 1
    else { throw .drained(operation, subject: name) }
    let parameters = try unsafe Owned(key, EVP_PKEY_free, operation)
    let check = try unsafe Owned(
      EVP_PKEY_CTX_new(parameters.pointer, nil), EVP_PKEY_CTX_free, operation)
    guard unsafe EVP_PKEY_param_check(check.pointer) == 1 else {
      throw .drained(operation, subject: name)
    }
    return try unsafe DHParameters(parameters.pointer, operation)
  }

  /// Creates parameters from a prime, which the caller has verified to be a safe prime.
  init(safePrime prime: OpaquePointer) throws(CryptoError) {
    let operation = "generate DH parameters"
    ErrorQueue.clear()
    let generator = try BigNumber.make([2], operation)
    let builder = try unsafe Owned(OSSL_PARAM_BLD_new(), OSSL_PARAM_BLD_free, operation)
    guard unsafe certctl_push_group(builder.pointer, prime, generator.pointer) == 1,
      let values = unsafe OSSL_PARAM_BLD_to_param(builder.pointer)
    else { throw .drained(operation) }
    defer { unsafe OSSL_PARAM_free(values) }
    let context = try unsafe Owned(
      EVP_PKEY_CTX_new_from_name(nil, "DH", nil), EVP_PKEY_CTX_free, operation)
    var key: OpaquePointer?
    guard unsafe EVP_PKEY_fromdata_init(context.pointer) == 1,
      unsafe EVP_PKEY_fromdata(context.pointer, &key, EVP_PKEY_KEY_PARAMETERS, values) == 1
    else { throw .drained(operation) }
    let parameters = try unsafe Owned(key, EVP_PKEY_free, operation)
    try unsafe self.init(parameters.pointer, operation)
  }

  /// Parses the first parameters in a PEM text, as nginx does, without checking them.
  ///
  /// - Parameter pem: `DH PARAMETERS` or `X9.42 DH PARAMETERS`; other blocks are skipped.
  /// - Throws: `CryptoError` with `.malformed` for anything else, and for an unreasonably long text
  ///   or number.
  package init(pem: [UInt8]) throws(CryptoError) {
    let operation = "read the DH parameters"
    guard pem.count <= 1 << 16 else {
      throw CryptoError(.malformed, operation: operation, reasons: ["the text is too long"])
    }
    let blocks = try PEM.blocks(pem, operation)
    guard let block = blocks.first(where: { $0.label.hasSuffix("DH PARAMETERS") }) else {
      throw CryptoError(
        .malformed, operation: operation, reasons: ["the PEM text contains no DH parameters"])
    }
    ErrorQueue.clear()
    let buffer = try MemoryBuffer(PEM.encode(block.der, label: block.label), operation)
    guard let key = unsafe PEM_read_bio_Parameters(buffer.pointer, nil) else {
      throw .drained(operation, code: .malformed)
    }
    let parameters = try unsafe Owned(key, EVP_PKEY_free, operation)
    try unsafe self.init(parameters.pointer, operation)
  }

  private init(_ parameters: OpaquePointer, _ operation: String) throws(CryptoError) {
    let prime = try unsafe BigNumber.read(OSSL_PKEY_PARAM_FFC_P, of: parameters, operation)
    let generator = try unsafe BigNumber.read(OSSL_PKEY_PARAM_FFC_G, of: parameters, operation)
    guard unsafe BN_is_negative(prime.pointer) == 0, unsafe BN_is_negative(generator.pointer) == 0
    else { throw CryptoError(.malformed, operation: operation, reasons: ["a number is negative"]) }
    self.prime = try unsafe BigNumber.bytes(prime.pointer, operation)
    self.generator = try unsafe BigNumber.bytes(generator.pointer, operation)
    bits = unsafe Int(BN_num_bits(prime.pointer))
    let buffer = try MemoryBuffer(operation)
    guard unsafe PEM_write_bio_Parameters(buffer.pointer, parameters) == 1 else {
      throw .drained(operation)
    }
    pem = buffer.takeContents()
    group = unsafe DHParameters.groupName(of: parameters)
  }

  private static func groupName(of parameters: OpaquePointer) -> String? {
    var name = [CChar](repeating: 0, count: 64)
    var length = 0
    defer { ErrorQueue.clear() }
    guard unsafe EVP_PKEY_get_group_name(parameters, &name, name.count, &length) == 1, length > 0
    else { return nil }
    return String(decoding: name.prefix(length).map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
