import COpenSSL

/// Conversions between big-endian bytes and OpenSSL's numbers.
enum BigNumber {
  static func make(_ bytes: [UInt8], _ operation: String) throws(CryptoError) -> Owned {
    guard let count = Int32(exactly: bytes.count) else {
      throw CryptoError(.malformed, operation: operation, reasons: ["a number is too long"])
    }
    return try unsafe Owned(BN_bin2bn(bytes, count, nil), BN_free, operation)
  }

  /// Creates a number with the value 0.
  static func zero(_ operation: String) throws(CryptoError) -> Owned {
    try unsafe Owned(BN_new(), BN_free, operation)
  }

  /// Reads a number of a key or of parameters by OpenSSL's name for it.
  static func read(
    _ name: String, of key: OpaquePointer, _ operation: String
  ) throws(CryptoError) -> Owned {
    var number: OpaquePointer?
    guard unsafe EVP_PKEY_get_bn_param(key, name, &number) == 1 else { throw .drained(operation) }
    return try unsafe Owned(number, BN_free, operation)
  }

  /// Returns the number's bytes, padded with leading zeros to `length`; nil for the minimal length.
  static func bytes(
    _ number: OpaquePointer?, padded length: Int? = nil, _ operation: String
  ) throws(CryptoError) -> [UInt8] {
    guard let number = unsafe number else { throw .drained(operation) }
    let shortest = unsafe (Int(BN_num_bits(number)) + 7) / 8
    var bytes = [UInt8](repeating: 0, count: length ?? shortest)
    guard unsafe Int(BN_bn2binpad(number, &bytes, Int32(bytes.count))) == bytes.count else {
      throw .drained(operation)
    }
    return bytes
  }
}
