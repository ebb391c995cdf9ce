internal import CertctlBase
public import CertctlCrypto

extension PrivateKey {
  /// Makes a new key without holding up other tasks.
  ///
  /// `generate(_:)` blocks, for RSA with 4096 bits for seconds; here it does so on a thread that is kept
  /// for such work. The work is not cancelled with its task.
  ///
  /// - Parameter type: The kind of key.
  /// - Returns: The key.
  /// - Throws: `CryptoError` when OpenSSL cannot make one.
  public static func generating(_ type: KeyType) async throws -> PrivateKey {
    try await Blocking.run { try generate(type) }
  }
}
