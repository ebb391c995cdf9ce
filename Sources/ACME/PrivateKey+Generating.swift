internal import CertctlBase
public import CertctlCrypto

extension PrivateKey {
  /// Generates a key without blocking other tasks.
  ///
  /// `generate(_:)` blocks, for an RSA key of 4096 bits for seconds. This method runs it on a
  /// thread for blocking work. Cancelling the task does not stop the work.
  ///
  /// - Parameter type: The type of the key.
  /// - Returns: The key.
  /// - Throws: `CryptoError` if OpenSSL cannot generate the key.
  public static func generating(_ type: KeyType) async throws -> PrivateKey {
    try await Blocking.run { try generate(type) }
  }
}
