import CertctlCore
package import CertctlCrypto

/// An issued certificate with its chain and key.
package struct IssuedCertificate: Sendable {
  /// The leaf first, then each issuer.
  package let chain: [Certificate]
  /// The leaf's key; nil if the user holds it.
  package let key: PrivateKey?
  /// The user's CSR that it was issued for; nil if certctl generated the key.
  package let request: CertificateRequest?
  /// The additional RSA certificate; this one is ECDSA then.
  package var rsa: RSACertificate?

  /// An RSA certificate with its chain and key, for clients that support nothing else.
  package struct RSACertificate: Sendable {
    /// The leaf first, then each issuer.
    package let chain: [Certificate]
    /// The leaf's key.
    package let key: PrivateKey

    package init(chain: [Certificate], key: PrivateKey) {
      self.chain = chain
      self.key = key
    }

    /// The server's certificate.
    package var leaf: Certificate { chain[0] }
  }

  /// Creates a certificate from a leaf with its issuers, and the leaf's key.
  package init(chain: [Certificate], key: PrivateKey, rsa: RSACertificate? = nil) {
    self.chain = chain
    self.key = key
    self.rsa = rsa
    request = nil
  }

  /// Creates a certificate from a leaf with its issuers, and the user's CSR.
  package init(chain: [Certificate], request: CertificateRequest) {
    self.chain = chain
    self.request = request
    key = nil
  }

  /// The server's certificate.
  package var leaf: Certificate { chain[0] }

  /// The leaf, and that of the additional RSA certificate.
  package var leaves: [Certificate] { [leaf] + (rsa.map { [$0.leaf] } ?? []) }

  /// The leaf that is due for renewal first.
  package var firstDue: Certificate {
    leaves.min { RenewalCertificate($0).dueDate < RenewalCertificate($1).dueDate } ?? leaf
  }

  /// Whether each leaf matches its key, or the CSR.
  package var isPair: Bool {
    if let rsa, !rsa.leaf.matches(rsa.key) { return false }
    if let key { return leaf.matches(key) }
    return request.map { leaf.certifies($0.publicKey) } ?? false
  }

  /// Returns whether both have the same leaves, each with its matching key or CSR.
  func isSame(as other: IssuedCertificate) -> Bool {
    leaves == other.leaves && (key == nil) == (other.key == nil) && isPair && other.isPair
  }

  /// Checks that a server can use the certificate.
  ///
  /// - Throws: `CryptoError` if it cannot, `CertctlError` if the leaf does not match the CSR.
  func prove() throws {
    if let rsa { try trialHandshake(chain: rsa.chain, key: rsa.key) }
    if let key { return try trialHandshake(chain: chain, key: key) }
    guard isPair else {
      throw CertctlError(
        .unusableCertificate, "the certificate does not match its CSR")
    }
  }
}

extension IssuedCertificate {
  /// The certificate; nil if it is a placeholder.
  package var unlessPlaceholder: IssuedCertificate? { leaf.isPlaceholder ? nil : self }
}
