import COpenSSL

/// The C function that frees an OpenSSL object.
typealias Free = @convention(c) (OpaquePointer?) -> Void

/// An OpenSSL object of one scope, freed at the end of that scope.
///
/// All of OpenSSL's types arrive as `OpaquePointer`; the name of the variable says which one it is.
@safe
struct Owned: ~Copyable {
  let pointer: OpaquePointer
  private let free: Free

  /// Takes over what an OpenSSL constructor returned; nil is that constructor's failure.
  init(_ pointer: OpaquePointer?, _ free: Free, _ operation: String) throws(CryptoError) {
    guard let pointer = unsafe pointer else { throw .drained(operation) }
    unsafe self.pointer = pointer
    unsafe self.free = free
  }

  deinit { unsafe free(pointer) }

  /// Hands the object over to a C function that frees it, or to a `SharedHandle`.
  consuming func release() -> OpaquePointer {
    let pointer = unsafe pointer
    discard self
    return unsafe pointer
  }

  /// Hands the object over to a handle that can be copied.
  consuming func shared() -> SharedHandle {
    let free = unsafe free
    return unsafe SharedHandle(release(), free)
  }
}

/// An OpenSSL object that lives as long as somebody holds it: a key, a certificate, a trust store.
///
/// Unchecked because `OpaquePointer` is not `Sendable`. It holds: after `init` nothing in this module
/// changes the object. EVP_PKEY, X509 and X509_STORE count their references atomically and guard
/// what they cache on reading (encodings, parsed extensions, looked-up roots) with locks of their own.
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
