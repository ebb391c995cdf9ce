import COpenSSL

/// A private key: for an account, a certificate or a challenge.
///
/// It prints as redacted. Copies share one key, which several tasks may use at once.
public struct PrivateKey: Sendable {
  let handle: SharedHandle

  /// The public half.
  public let publicKey: PublicKey

  var family: KeyFamily { unsafe KeyFamily(handle.pointer) }

  /// Generates a new key.
  ///
  /// This blocks, for RSA with 4096 bits for seconds: do not call it on the cooperative thread
  /// pool.
  ///
  /// - Parameter type: The kind of key.
  /// - Returns: The key.
  /// - Throws: `CryptoError` when OpenSSL cannot generate one.
  public static func generate(_ type: KeyType) throws(CryptoError) -> PrivateKey {
    let operation = "generate a key of type \(type.rawValue)"
    ErrorQueue.clear()
    let key =
      switch type {
      case .ec256: unsafe certctl_generate_ec("P-256")
      case .ec384: unsafe certctl_generate_ec("P-384")
      case .rsa2048: unsafe certctl_generate_rsa(2048)
      case .rsa3072: unsafe certctl_generate_rsa(3072)
      case .rsa4096: unsafe certctl_generate_rsa(4096)
      case .ed25519: unsafe certctl_generate_ed25519()
      }
    return try PrivateKey(unsafe Owned(key, EVP_PKEY_free, operation), operation)
  }

  private init(_ key: consuming Owned, _ operation: String) throws(CryptoError) {
    let handle = key.shared()
    self.handle = handle
    publicKey = PublicKey(
      uncheckedSPKI: try unsafe DER.encode(operation) { unsafe i2d_PUBKEY(handle.pointer, $0) })
  }

  /// Parses the first private key of a PEM text.
  ///
  /// - Parameter pem: PKCS#8 (`PRIVATE KEY`), SEC1 (`EC PRIVATE KEY`) or PKCS#1 (`RSA PRIVATE
  ///   KEY`); other blocks before it, such as `EC PARAMETERS` or certificates, are skipped.
  /// - Throws: `CryptoError`: `.unsupported` with a hint for an encrypted key, `.malformed` for
  ///   anything that is not a key, `.mismatch` when its private part does not match its public
  ///   part.
  public init(pem: [UInt8]) throws(CryptoError) {
    let operation = "read the private key"
    let blocks = try PEM.blocks(pem, operation)
    guard let block = blocks.first(where: { $0.label.hasSuffix("PRIVATE KEY") }) else {
      throw CryptoError(
        .malformed, operation: operation, reasons: ["the PEM text contains no private key"],
        hint: blocks.isEmpty
          ? "convert a DER key: openssl pkey -inform DER -in FILE -out FILE.pem" : nil)
    }
    guard !block.isEncrypted else {
      throw CryptoError(
        .unsupported, operation: operation, reasons: ["it is encrypted with a passphrase"],
        hint: "decrypt it first, into a file that only its owner can read: "
          + "umask 077; openssl pkey -in FILE -out FILE.plain")
    }
    guard ["PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY"].contains(block.label) else {
      throw CryptoError(
        .unsupported, operation: operation,
        reasons: ["blocks of type \"\(block.label)\" are not supported"],
        hint: "convert it to PKCS#8: openssl pkcs8 -topk8 -nocrypt -in FILE -out FILE.pem")
    }
    let key = try unsafe DER.decode(block.der, EVP_PKEY_free, operation) {
      unsafe d2i_AutoPrivateKey(nil, $0, $1)
    }
    try PrivateKey.check(key, operation)
    try self.init(key, operation)
  }

  /// Checks that the private part matches the public part, which otherwise only a handshake
  /// reveals.
  ///
  /// RSA is left out: its check tests primes for a third of a second, and the trial handshake
  /// detects the mismatch too.
  private static func check(_ key: borrowing Owned, _ operation: String) throws(CryptoError) {
    if case .rsa = unsafe KeyFamily(key.pointer) { return }
    let context = try unsafe Owned(
      EVP_PKEY_CTX_new(key.pointer, nil), EVP_PKEY_CTX_free, operation)
    guard unsafe EVP_PKEY_pairwise_check(context.pointer) == 1 else {
      throw .drained(operation, code: .mismatch)
    }
  }

  /// The kind of key, or nil for one that `generate` cannot create (RSA with 1024 bits, P-521).
  public var type: KeyType? { family.type }

  /// The JWS `alg` that `joseSignature(for:)` uses, or nil if it refuses this key.
  public var joseAlgorithm: String? { family.joseAlgorithm }

  /// Returns the key as unencrypted PKCS#8 in PEM.
  ///
  /// - Returns: The text, with a trailing newline. It is a secret.
  /// - Throws: `CryptoError` when OpenSSL cannot write it.
  public func pemRepresentation() throws(CryptoError) -> [UInt8] {
    let operation = "write the private key"
    ErrorQueue.clear()
    let buffer = try MemoryBuffer(operation)
    guard
      unsafe PEM_write_bio_PKCS8PrivateKey(
        buffer.pointer, handle.pointer, nil, nil, 0, nil, nil) == 1
    else { throw .drained(operation) }
    return buffer.takeContents()
  }
}

extension PrivateKey: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// The kind of key, without its contents.
  public var description: String { "PrivateKey(\(family.name), redacted)" }

  /// The same as `description`.
  public var debugDescription: String { description }

  /// Empty, so that `dump` and test reports show nothing.
  public var customMirror: Mirror { Mirror(self, children: []) }
}
