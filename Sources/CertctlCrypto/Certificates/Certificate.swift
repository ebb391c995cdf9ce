import COpenSSL
public import FoundationEssentials

/// An X.509 certificate.
///
/// Everything is read when it is made, so that the properties cannot fail. Two are equal when their
/// bytes are.
public struct Certificate: Sendable, Equatable {
  let handle: SharedHandle
  private let details: CertificateDetails

  /// Reads one certificate.
  ///
  /// - Parameter der: The DER and nothing after it.
  /// - Throws: `CryptoError` with `.malformed`.
  public init(der: [UInt8]) throws(CryptoError) {
    try self.init(der: der, "parse the certificate")
  }

  /// Reads the first certificate of a PEM text.
  ///
  /// - Parameter pem: The text; blocks of other kinds are refused, as in `chain(pem:)`.
  /// - Throws: `CryptoError` with `.malformed`, also when any later block is damaged.
  public init(pem: [UInt8]) throws(CryptoError) {
    guard let first = try Certificate.chain(pem: pem).first else {
      throw CryptoError(.malformed, operation: "parse the certificate")
    }
    self = first
  }

  /// Takes over what a TLS connection or a signing call made.
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

  /// Reads all certificates of a PEM text.
  ///
  /// - Parameter pem: The text, for example the answer of a CA (RFC 8555 section 9.1). Text between the
  ///   blocks is skipped; a block that is no certificate (a key!) is refused.
  /// - Returns: At least one certificate, in the order of the text.
  /// - Throws: `CryptoError` with `.malformed`.
  public static func chain(pem: [UInt8]) throws(CryptoError) -> [Certificate] {
    let operation = "parse the certificate chain"
    var chain: [Certificate] = []
    for block in try PEM.blocks(pem, operation) {
      guard block.label == "CERTIFICATE" || block.label == "X509 CERTIFICATE" else {
        throw CryptoError(
          .malformed, operation: operation, reasons: ["there is a block \"\(block.label)\" in it"],
          hint: "only CERTIFICATE blocks belong there")
      }
      chain.append(try Certificate(der: block.der, operation))
    }
    guard !chain.isEmpty else {
      throw CryptoError(
        .malformed, operation: operation, reasons: ["there is no certificate in the PEM text"])
    }
    return chain
  }

  /// Whether both have the same bytes.
  public static func == (one: Certificate, other: Certificate) -> Bool { one.der == other.der }

  /// The certificate in DER.
  public var der: [UInt8] { details.der }

  /// The certificate in PEM, with a newline at its end.
  public var pem: [UInt8] { details.pem }

  /// The subject as RFC 2253 writes it; empty when it has none.
  public var subject: String { details.subject }

  /// The issuer as RFC 2253 writes it.
  public var issuer: String { details.issuer }

  /// The subject's last common name.
  public var subjectCommonName: String? { details.subjectCommonName }

  /// The issuer's last common name.
  public var issuerCommonName: String? { details.issuerCommonName }

  /// The DNS names of the subjectAltName extension, as they stand there.
  public var dnsNames: [String] { details.names.dnsNames }

  /// The addresses of the subjectAltName extension, IPv6 as RFC 5952 writes it.
  public var ipAddresses: [String] { details.names.ipAddresses }

  /// The first second in which it is valid.
  public var notBefore: Date { details.notBefore }

  /// The last second in which it is valid.
  public var notAfter: Date { details.notAfter }

  /// The content octets of the DER INTEGER, a leading 00 kept: renewal information (RFC 9773
  /// section 4.1) names certificates by them.
  public var serialNumber: [UInt8] { details.serialNumber }

  /// The key identifier of the authorityKeyIdentifier extension, or nil when it has none.
  public var authorityKeyIdentifier: [UInt8]? { details.authorityKeyIdentifier }

  /// The key it certifies.
  public var publicKey: PublicKey { details.publicKey }

  /// The SHA-256 of the DER: 32 bytes.
  public var sha256Fingerprint: [UInt8] { Digest.sha256(der) }
}
