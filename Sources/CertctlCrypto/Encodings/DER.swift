import COpenSSL

/// Wrappers for OpenSSL's `d2i_` and `i2d_` conventions.
enum DER {
  typealias Cursor = UnsafeMutablePointer<UnsafePointer<UInt8>?>
  typealias Output = UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>

  /// Decodes one object, which must fill all of the bytes.
  static func decode(
    _ der: [UInt8], _ free: Free, _ operation: String,
    _ parse: (Cursor, Int) -> OpaquePointer?
  ) throws(CryptoError) -> Owned {
    ErrorQueue.clear()
    var rest = 0
    let object = unsafe der.withUnsafeBufferPointer { buffer -> OpaquePointer? in
      var cursor = buffer.baseAddress
      let object = unsafe parse(&cursor, buffer.count)
      if let start = buffer.baseAddress, let cursor = unsafe cursor {
        rest = unsafe buffer.count - (cursor - start)
      }
      return unsafe object
    }
    guard let object = unsafe object else {
      var error = CryptoError.drained(operation, code: .malformed)
      error.reasons.insert("the contents are damaged or of another type", at: 0)
      throw error
    }
    let owned = try unsafe Owned(object, free, operation)
    guard rest == 0 else {
      throw CryptoError(
        .malformed, operation: operation, reasons: ["\(rest) trailing byte\(rest == 1 ? "" : "s")"])
    }
    return owned
  }

  /// Encodes one object; an `i2d_` function first returns the length.
  static func encode(_ operation: String, _ write: (Output?) -> Int32) throws(CryptoError)
    -> [UInt8]
  {
    let length = write(nil)
    guard length > 0 else { throw .drained(operation) }
    var bytes = [UInt8](repeating: 0, count: Int(length))
    let written = unsafe bytes.withUnsafeMutableBufferPointer { buffer -> Int32 in
      var cursor = buffer.baseAddress
      return unsafe write(&cursor)
    }
    guard written == length else { throw .drained(operation) }
    return bytes
  }

  /// Returns the content octets of a DER value, without its tag and length.
  static func content(of value: [UInt8]) -> [UInt8]? {
    guard value.count >= 2 else { return nil }
    guard value[1] & 0x80 != 0 else { return Array(value.dropFirst(2)) }
    let header = 2 + Int(value[1] & 0x7f)
    return value.count >= header ? Array(value.dropFirst(header)) : nil
  }
}
