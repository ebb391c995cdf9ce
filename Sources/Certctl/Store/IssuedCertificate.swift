package import PKI

/// A certificate with its chain and key, as the CA issued it.
package struct IssuedCertificate: Sendable {
  /// The leaf first, then each issuer.
  package let chain: [Certificate]
  /// The leaf's key; nil where the user keeps it.
  package let key: PrivateKey?
  /// The user's own request that it was made from; nil where the key is ours.
  package let request: CertificateRequest?

  /// A leaf with its issuers, and the leaf's key.
  package init(chain: [Certificate], key: PrivateKey) {
    self.chain = chain
    self.key = key
    request = nil
  }

  /// A leaf with its issuers, made from a request of the user's own.
  package init(chain: [Certificate], request: CertificateRequest) {
    self.chain = chain
    self.request = request
    key = nil
  }

  /// The certificate of the server itself.
  var leaf: Certificate { chain[0] }

  /// Whether the leaf has the key that belongs here, or that of the request.
  var isPair: Bool {
    if let key { return leaf.matches(key) }
    return request.map { leaf.certifies($0.publicKey) } ?? false
  }

  /// Whether both are the same leaf, each with what belongs to it.
  func isSame(as other: IssuedCertificate) -> Bool {
    leaf == other.leaf && (key == nil) == (other.key == nil) && isPair && other.isPair
  }

  /// Checks it as a server would use it.
  ///
  /// - Throws: `PKIError` when a server could not.
  func prove() throws {
    if let key { return try trialHandshake(chain: chain, key: key) }
    guard isPair else {
      throw CertctlError(
        .unusableCertificate, "the certificate does not fit the request that it was made from")
    }
  }
}
