import COpenSSL

/// Big-endian numbers in and out of OpenSSL.
enum BigNumber {
  static func make(_ bytes: [UInt8], _ operation: String) throws(PKIError) -> Owned {
    guard let count = Int32(exactly: bytes.count) else {
      throw PKIError(.malformed, operation: operation, reasons: ["a number is too long"])
    }
    return try unsafe Owned(BN_bin2bn(bytes, count, nil), BN_free, operation)
  }

  /// The number with zeros in front, up to the length; without a length as short as it goes.
  static func bytes(
    _ number: OpaquePointer?, padded length: Int? = nil, _ operation: String
  ) throws(PKIError) -> [UInt8] {
    guard let number = unsafe number else { throw .drained(operation) }
    let shortest = unsafe (Int(BN_num_bits(number)) + 7) / 8
    var bytes = [UInt8](repeating: 0, count: length ?? shortest)
    guard unsafe Int(BN_bn2binpad(number, &bytes, Int32(bytes.count))) == bytes.count else {
      throw .drained(operation)
    }
    return bytes
  }
}
