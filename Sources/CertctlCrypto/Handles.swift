import COpenSSL

/// The C function that frees an OpenSSL object.
typealias Free = @convention(c) (OpaquePointer?) -> Void

/// An OpenSSL object that is freed at the end of its scope.
///
/// All OpenSSL types are imported as `OpaquePointer`; the variable's name says which type it is.
@safe
struct Owned: ~Copyable {
  let pointer: OpaquePointer
  private let free: Free

  /// Takes ownership of the result of an OpenSSL constructor; nil means that the constructor
  /// failed.
  init(_ pointer: OpaquePointer?, _ free: Free, _ operation: String) throws(CryptoError) {
    guard let pointer = unsafe pointer else { throw .drained(operation) }
    unsafe self.pointer = pointer
    unsafe self.free = free
  }

  deinit { unsafe free(pointer) }

  /// Transfers ownership to a C function that frees the object, or to a `SharedHandle`.
  consuming func release() -> OpaquePointer {
    let pointer = unsafe pointer
    discard self
    return unsafe pointer
  }

  /// Transfers ownership to a handle that can be copied.
  consuming func shared() -> SharedHandle {
    let free = unsafe free
    return unsafe SharedHandle(release(), free)
  }
}

/// A reference-counted OpenSSL object: a key, a certificate or a trust store.
///
/// Unchecked because `OpaquePointer` is not `Sendable`. This is safe: nothing in this module
/// changes the object after `init`. EVP_PKEY, X509 and X509_STORE count their references
/// atomically, and lock what they cache on reading (encodings, parsed extensions, looked-up roots).
@safe
final class SharedHandle: @unchecked Sendable {
  let pointer: OpaquePointer
  private let free: Free

  init(_ pointer: OpaquePointer, _ free: Free) {
    unsafe self.pointer = pointer
    unsafe self.free = free
  }

  deinit { unsafe free(pointer) }
}
