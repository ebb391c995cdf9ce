import COpenSSL

/// A certificate signing request (PKCS#10, RFC 2986).
///
/// A request created here has an empty subject and names in the subjectAltName extension only, as
/// ACME requires (RFC 8555 section 7.4, RFC 8738 for addresses). It has no extended key usage.
public struct CertificateRequest: Sendable, Equatable {
  /// The request in DER.
  public let der: [UInt8]

  /// The request in PEM, with a trailing newline.
  public let pem: [UInt8]

  /// The requested DNS names, as encoded.
  public let dnsNames: [String]

  /// The requested addresses, IPv6 in the format of RFC 5952.
  public let ipAddresses: [String]

  /// The subject's common name; requests of other programs may have one.
  public let subjectCommonName: String?

  /// The key to certify.
  public let publicKey: PublicKey

  /// Creates and signs a request.
  ///
  /// - Parameters:
  ///   - key: The private key of the certificate, which signs the request.
  ///   - dnsNames: ASCII names, including wildcards, in the order of the request.
  ///   - ipAddresses: Addresses as text, which follow the DNS names.
  /// - Throws: `CryptoError` with `.malformed` for an invalid name, or if there is no name.
  public init(
    key: PrivateKey, dnsNames: [String], ipAddresses: [String] = []
  ) throws(CryptoError) {
    let operation = "create a CSR"
    ErrorQueue.clear()
    let request = try unsafe Owned(X509_REQ_new(), X509_REQ_free, operation)
    let names = try AlternativeNames.make(
      dnsNames: dnsNames, ipAddresses: ipAddresses, operation)
    let extensions = try unsafe Owned(certctl_extensions_new(), certctl_extensions_free, operation)
    guard
      unsafe certctl_extensions_add_names(extensions.pointer, names.pointer, 0) == 1,
      unsafe X509_REQ_set_version(request.pointer, 0) == 1,
      unsafe X509_REQ_set_pubkey(request.pointer, key.handle.pointer) == 1,
      unsafe X509_REQ_add_extensions(request.pointer, extensions.pointer) == 1,
      unsafe X509_REQ_sign(request.pointer, key.handle.pointer, key.family.digest) > 0
    else { throw .drained(operation) }
    let der = try unsafe DER.encode(operation) { unsafe i2d_X509_REQ(request.pointer, $0) }
    try self.init(request, der: der, operation)
  }

  /// Parses a request and verifies that its own key signed it.
  ///
  /// - Parameter der: The DER, without trailing bytes.
  /// - Throws: `CryptoError` with `.malformed`.
  public init(der: [UInt8]) throws(CryptoError) {
    let operation = "parse the CSR"
    let request = try unsafe DER.decode(der, X509_REQ_free, operation) {
      unsafe d2i_X509_REQ(nil, $0, $1)
    }
    guard let key = unsafe X509_REQ_get0_pubkey(request.pointer) else {
      throw .drained(operation, code: .malformed)
    }
    guard unsafe X509_REQ_verify(request.pointer, key) == 1 else {
      throw .drained(
        operation, code: .malformed,
        hint: "create the request again: its signature does not match its key")
    }
    try self.init(request, der: der, operation)
  }

  /// Parses the first request of a PEM text and verifies that its own key signed it.
  ///
  /// - Parameter pem: The text, with a block `CERTIFICATE REQUEST` or `NEW CERTIFICATE REQUEST`.
  /// - Throws: `CryptoError` with `.malformed`.
  public init(pem: [UInt8]) throws(CryptoError) {
    let operation = "parse the CSR"
    let blocks = try PEM.blocks(pem, operation)
    guard let block = blocks.first(where: { $0.label.hasSuffix("CERTIFICATE REQUEST") }) else {
      throw CryptoError(
        .malformed, operation: operation,
        reasons: ["the PEM text contains no CSR"])
    }
    try self.init(der: block.der)
  }

  private init(
    _ request: borrowing Owned, der: [UInt8], _ operation: String
  ) throws(CryptoError) {
    self.der = der
    pem = try PEM.encode(der, label: "CERTIFICATE REQUEST")
    subjectCommonName = unsafe ASN1Text.commonName(
      of: X509_REQ_get_subject_name(request.pointer))
    let key = unsafe X509_REQ_get_X509_PUBKEY(request.pointer)
    publicKey = PublicKey(
      uncheckedSPKI: try unsafe DER.encode(operation) { unsafe i2d_X509_PUBKEY(key, $0) })
    let names = try CertificateRequest.names(of: request, operation)
    dnsNames = names.dnsNames
    ipAddresses = names.ipAddresses
  }

  private static func names(
    of request: borrowing Owned, _ operation: String
  ) throws(CryptoError) -> AlternativeNames {
    guard let found = unsafe X509_REQ_get_extensions(request.pointer) else {
      ErrorQueue.clear()
      return AlternativeNames()
    }
    let extensions = try unsafe Owned(found, certctl_extensions_free, operation)
    var critical: Int32 = 0
    let value = unsafe X509V3_get_d2i(extensions.pointer, NID_subject_alt_name, &critical, nil)
    guard let value = unsafe value else {
      ErrorQueue.clear()
      guard critical == -1 else {
        throw CryptoError(
          .malformed, operation: operation,
          reasons: ["the subjectAltName extension is damaged or duplicated"])
      }
      return AlternativeNames()
    }
    let names = try unsafe Owned(OpaquePointer(value), GENERAL_NAMES_free, operation)
    return unsafe AlternativeNames(names.pointer)
  }
}
