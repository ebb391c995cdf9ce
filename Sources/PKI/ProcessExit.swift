import COpenSSL

/// What OpenSSL does when the process ends.
package enum ProcessExit {
  /// Keeps OpenSSL from freeing its memory at the end of the process.
  ///
  /// It does so in an `atexit` handler, while other threads may still be ending; each of those frees
  /// its own part at the same time, and about one run in two thousand crashes after its work was
  /// done. The system takes the memory back anyway. Only the first call into OpenSSL decides: call
  /// this before any other.
  package static func keepOpenSSL() {
    _ = OPENSSL_init_crypto(UInt64(OPENSSL_INIT_NO_ATEXIT), nil)
  }
}
