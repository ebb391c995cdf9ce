import COpenSSL
public import FoundationEssentials

/// An X.509 certificate.
///
/// The initializer reads everything, so that the properties cannot fail. Two certificates are equal
/// if their bytes are.
public struct Certificate: Sendable, Equatable {
  let handle: SharedHandle
  private let details: CertificateDetails

  /// Parses one certificate.
  ///
  /// - Parameter der: The DER, without trailing bytes.
  /// - Throws: `CryptoError` with `.malformed`.
  public init(der: [UInt8]) throws(CryptoError) {
    try self.init(der: der, "parse the certificate")
  }

  /// Parses the first certificate of a PEM text.
  ///
  /// - Parameter pem: The text; blocks of other kinds are refused, as in `chain(pem:)`.
  /// - Throws: `CryptoError` with `.malformed`, also when a later block is damaged.
  public init(pem: [UInt8]) throws(CryptoError) {
    guard let first = try Certificate.chain(pem: pem).first else {
      throw CryptoError(.malformed, operation: "parse the certificate")
    }
    self = first
  }

  /// Takes ownership of a certificate from a TLS connection or a signing call.
  init(_ certificate: consuming Owned, _ operation: String) throws(CryptoError) {
    let handle = certificate.shared()
    let der = try unsafe DER.encode(operation) { unsafe i2d_X509(handle.pointer, $0) }
    try self.init(handle: handle, der: der, operation)
  }

  private init(der: [UInt8], _ operation: String) throws(CryptoError) {
    let certificate = try unsafe DER.decode(der, X509_free, operation) {
      unsafe d2i_X509(nil, $0, $1)
    }
    try self.init(handle: certificate.shared(), der: der, operation)
  }

  private init(handle: SharedHandle, der: [UInt8], _ operation: String) throws(CryptoError) {
    self.handle = handle
    details = try unsafe CertificateDetails(handle.pointer, der: der, operation)
  }

  /// Parses all certificates of a PEM text.
  ///
  /// - Parameter pem: The text, for example a CA's response (RFC 8555 section 9.1). Text between
  ///   the blocks is skipped; a block that is not a certificate, such as a key, is refused.
  /// - Returns: At least one certificate, in the order of the text.
  /// - Throws: `CryptoError` with `.malformed`.
  public static func chain(pem: [UInt8]) throws(CryptoError) -> [Certificate] {
    let operation = "parse the certificate chain"
    var chain: [Certificate] = []
    for block in try PEM.blocks(pem, operation) {
      guard block.label == "CERTIFICATE" || block.label == "X509 CERTIFICATE" else {
        throw CryptoError(
          .malformed, operation: operation, reasons: ["found a block \"\(block.label)\""],
          hint: "remove all blocks other than CERTIFICATE")
      }
      chain.append(try Certificate(der: block.der, operation))
    }
    guard !chain.isEmpty else {
      throw CryptoError(
        .malformed, operation: operation, reasons: ["the PEM text contains no certificate"])
    }
    return chain
  }

  /// Whether both have the same bytes.
  public static func == (one: Certificate, other: Certificate) -> Bool { one.der == other.der }

  /// The certificate in DER.
  public var der: [UInt8] { details.der }

  /// The certificate in PEM, with a trailing newline.
  public var pem: [UInt8] { details.pem }

  /// The subject in the format of RFC 2253; may be empty.
  public var subject: String { details.subject }

  /// The issuer in the format of RFC 2253.
  public var issuer: String { details.issuer }

  /// The last common name of the subject.
  public var subjectCommonName: String? { details.subjectCommonName }

  /// The last common name of the issuer.
  public var issuerCommonName: String? { details.issuerCommonName }

  /// The DNS names of the subjectAltName extension, as encoded.
  public var dnsNames: [String] { details.names.dnsNames }

  /// The addresses of the subjectAltName extension, IPv6 in the format of RFC 5952.
  public var ipAddresses: [String] { details.names.ipAddresses }

  /// The first second of the validity period.
  public var notBefore: Date { details.notBefore }

  /// The last second of the validity period.
  public var notAfter: Date { details.notAfter }

  /// The content octets of the DER INTEGER, including a leading 00.
  ///
  /// Renewal information (RFC 9773 section 4.1) identifies certificates by them.
  public var serialNumber: [UInt8] { details.serialNumber }

  /// The key identifier of the authorityKeyIdentifier extension, or nil.
  public var authorityKeyIdentifier: [UInt8]? { details.authorityKeyIdentifier }

  /// The certified key.
  public var publicKey: PublicKey { details.publicKey }

  /// The SHA-256 digest of the DER: 32 bytes.
  public var sha256Fingerprint: [UInt8] { Digest.sha256(der) }
}
