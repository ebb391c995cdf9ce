import CertctlCore
package import CertctlCrypto

/// A certificate with its chain and key, as the CA issued it.
package struct IssuedCertificate: Sendable {
  /// The leaf first, then each issuer.
  package let chain: [Certificate]
  /// The leaf's key; nil where the user keeps it.
  package let key: PrivateKey?
  /// The user's own request that it was made from; nil where the key is ours.
  package let request: CertificateRequest?
  /// The RSA certificate beside this one, which is ECDSA then.
  package var rsa: RSACertificate?

  /// A certificate with its chain and RSA key, for clients that know nothing else.
  package struct RSACertificate: Sendable {
    /// The leaf first, then each issuer.
    package let chain: [Certificate]
    /// The leaf's key.
    package let key: PrivateKey

    package init(chain: [Certificate], key: PrivateKey) {
      self.chain = chain
      self.key = key
    }

    /// The certificate of the server itself.
    package var leaf: Certificate { chain[0] }
  }

  /// A leaf with its issuers, and the leaf's key.
  package init(chain: [Certificate], key: PrivateKey, rsa: RSACertificate? = nil) {
    self.chain = chain
    self.key = key
    self.rsa = rsa
    request = nil
  }

  /// A leaf with its issuers, made from a request of the user's own.
  package init(chain: [Certificate], request: CertificateRequest) {
    self.chain = chain
    self.request = request
    key = nil
  }

  /// The certificate of the server itself.
  package var leaf: Certificate { chain[0] }

  /// The leaf, and that of the RSA certificate beside it.
  package var leaves: [Certificate] { [leaf] + (rsa.map { [$0.leaf] } ?? []) }

  /// The leaf that is due for renewal first.
  package var firstDue: Certificate {
    leaves.min { RenewalCertificate($0).dueDate < RenewalCertificate($1).dueDate } ?? leaf
  }

  /// Whether each leaf has the key that belongs here, or that of the request.
  package var isPair: Bool {
    if let rsa, !rsa.leaf.matches(rsa.key) { return false }
    if let key { return leaf.matches(key) }
    return request.map { leaf.certifies($0.publicKey) } ?? false
  }

  /// Whether both are the same leaves, each with what belongs to it.
  func isSame(as other: IssuedCertificate) -> Bool {
    leaves == other.leaves && (key == nil) == (other.key == nil) && isPair && other.isPair
  }

  /// Checks it as a server would use it.
  ///
  /// - Throws: `CryptoError` when a server could not.
  func prove() throws {
    if let rsa { try trialHandshake(chain: rsa.chain, key: rsa.key) }
    if let key { return try trialHandshake(chain: chain, key: key) }
    guard isPair else {
      throw CertctlError(
        .unusableCertificate, "the certificate does not fit the request that it was made from")
    }
  }
}

extension IssuedCertificate {
  /// The certificate, or nil when it only stands in for one.
  package var unlessPlaceholder: IssuedCertificate? { leaf.isPlaceholder ? nil : self }
}
