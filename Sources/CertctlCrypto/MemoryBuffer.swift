import COpenSSL

/// A memory BIO that owns its bytes.
///
/// It never uses `BIO_new_mem_buf`, which borrows a Swift array that the optimizer frees too early.
struct MemoryBuffer: ~Copyable {
  private let bio: Owned

  /// Creates an empty buffer.
  init(_ operation: String) throws(CryptoError) {
    bio = try unsafe Owned(BIO_new(BIO_s_mem()), BIO_vfree, operation)
  }

  /// Creates a buffer with a copy of the bytes.
  init(_ bytes: [UInt8], _ operation: String) throws(CryptoError) {
    let bio = try unsafe Owned(BIO_new(BIO_s_mem()), BIO_vfree, operation)
    if !bytes.isEmpty {
      guard let count = Int32(exactly: bytes.count),
        unsafe BIO_write(bio.pointer, bytes, count) == count
      else { throw .drained(operation) }
    }
    self.bio = bio
  }

  /// The BIO, for a call that does not keep it.
  var pointer: OpaquePointer { unsafe bio.pointer }

  /// Removes and returns the contents of the buffer.
  func takeContents() -> [UInt8] { unsafe MemoryBuffer.takeContents(of: bio.pointer) }

  /// Removes and returns the contents of a memory BIO that belongs to another object.
  static func takeContents(of bio: OpaquePointer) -> [UInt8] {
    let pending = unsafe BIO_ctrl_pending(bio)
    guard let capacity = Int32(exactly: pending), capacity > 0 else { return [] }
    var bytes = [UInt8](repeating: 0, count: pending)
    let count = unsafe BIO_read(bio, &bytes, capacity)
    guard count == capacity else { return Array(bytes.prefix(Int(max(0, count)))) }
    return bytes
  }
}
