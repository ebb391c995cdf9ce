import COpenSSL

/// One block of a PEM text (RFC 7468).
struct PEMBlock {
  /// The text between `BEGIN` and the dashes.
  var label: String
  /// The header lines of RFC 1421, which mark an encrypted key.
  var header: String
  var der: [UInt8]

  var isEncrypted: Bool { label.hasPrefix("ENCRYPTED ") || header.contains("ENCRYPTED") }
}

/// Reads and writes PEM texts.
enum PEM {
  /// Returns all blocks in their order; skips text outside the blocks, and throws for a damaged
  /// block.
  static func blocks(_ text: [UInt8], _ operation: String) throws(CryptoError) -> [PEMBlock] {
    ErrorQueue.clear()
    let buffer = try MemoryBuffer(withoutByteOrderMark(text), operation)
    var blocks: [PEMBlock] = []
    while let block = try next(in: buffer, operation) { blocks.append(block) }
    return blocks
  }

  /// Encodes one block.
  static func encode(_ der: [UInt8], label: String) throws(CryptoError) -> [UInt8] {
    let buffer = try MemoryBuffer("write PEM")
    guard let count = Int(exactly: der.count),
      unsafe PEM_write_bio(buffer.pointer, label, "", der, count) > 0
    else { throw .drained("write PEM") }
    return buffer.takeContents()
  }

  private static func next(
    in buffer: borrowing MemoryBuffer, _ operation: String
  ) throws(CryptoError) -> PEMBlock? {
    var label: UnsafeMutablePointer<CChar>?
    var header: UnsafeMutablePointer<CChar>?
    var data: UnsafeMutablePointer<UInt8>?
    var count = 0
    guard unsafe PEM_read_bio(buffer.pointer, &label, &header, &data, &count) == 1 else {
      if ErrorQueue.lastReason == PEM_R_NO_START_LINE {
        ErrorQueue.clear()
        return nil
      }
      throw .drained(
        operation, code: .malformed, hint: "check the text between BEGIN and END for damage")
    }
    // The bytes may be a private key, so erase them before freeing.
    defer {
      unsafe certctl_free(label)
      unsafe certctl_free(header)
      unsafe certctl_clear_free(data, count)
    }
    guard let label = unsafe label, let header = unsafe header, let data = unsafe data else {
      return nil
    }
    return unsafe PEMBlock(
      label: String(cString: label), header: String(cString: header),
      der: Array(UnsafeBufferPointer(start: data, count: count)))
  }

  /// Removes the byte order mark of Windows editors, which would hide the first BEGIN line.
  private static func withoutByteOrderMark(_ text: [UInt8]) -> [UInt8] {
    text.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(text.dropFirst(3)) : text
  }
}
