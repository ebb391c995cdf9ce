import COpenSSL
import FoundationEssentials
import Glibc

/// The contents of a certificate, read once; a class, so that copies of a certificate stay small.
final class CertificateDetails: Sendable {
  let der: [UInt8]
  let pem: [UInt8]
  let subject: String
  let issuer: String
  let subjectCommonName: String?
  let issuerCommonName: String?
  let names: AlternativeNames
  let notBefore: Date
  let notAfter: Date
  let serialNumber: [UInt8]
  let authorityKeyIdentifier: [UInt8]?
  let publicKey: PublicKey

  init(_ certificate: OpaquePointer, der: [UInt8], _ operation: String) throws(CryptoError) {
    ErrorQueue.clear()
    self.der = der
    pem = try PEM.encode(der, label: "CERTIFICATE")
    let subjectName = unsafe X509_get_subject_name(certificate)
    let issuerName = unsafe X509_get_issuer_name(certificate)
    subject = try unsafe ASN1Text.text(ofName: subjectName, operation)
    issuer = try unsafe ASN1Text.text(ofName: issuerName, operation)
    subjectCommonName = unsafe ASN1Text.commonName(of: subjectName)
    issuerCommonName = unsafe ASN1Text.commonName(of: issuerName)
    names = try unsafe Self.names(of: certificate, operation)
    notBefore = try unsafe Self.date(X509_get0_notBefore(certificate), operation)
    notAfter = try unsafe Self.date(X509_get0_notAfter(certificate), operation)
    let serial = unsafe X509_get0_serialNumber(certificate)
    let serialDER = try unsafe DER.encode(operation) { unsafe i2d_ASN1_INTEGER(serial, $0) }
    guard let content = DER.content(of: serialDER) else {
      throw CryptoError(.malformed, operation: operation, reasons: ["the serial number is missing"])
    }
    serialNumber = content
    authorityKeyIdentifier = unsafe X509_get0_authority_key_id(certificate).map {
      unsafe ASN1Text.bytes($0)
    }
    let key = unsafe X509_get_X509_PUBKEY(certificate)
    publicKey = PublicKey(
      uncheckedSPKI: try unsafe DER.encode(operation) { unsafe i2d_X509_PUBKEY(key, $0) })
    // The search for an extension that is missing or unknown to OpenSSL leaves errors in the queue.
    ErrorQueue.clear()
  }

  private static func names(
    of certificate: OpaquePointer, _ operation: String
  ) throws(CryptoError) -> AlternativeNames {
    var critical: Int32 = 0
    let found = unsafe X509_get_ext_d2i(certificate, NID_subject_alt_name, &critical, nil)
    guard let found = unsafe found else {
      // -1: missing. Anything else: duplicated or damaged.
      guard critical == -1 else {
        ErrorQueue.clear()
        throw CryptoError(
          .malformed, operation: operation,
          reasons: ["the subjectAltName extension is damaged or duplicated"])
      }
      return AlternativeNames()
    }
    let names = try unsafe Owned(OpaquePointer(found), GENERAL_NAMES_free, operation)
    return unsafe AlternativeNames(names.pointer)
  }

  private static func date(
    _ time: UnsafePointer<ASN1_TIME>?, _ operation: String
  ) throws(CryptoError) -> Date {
    var fields = unsafe tm()
    guard unsafe ASN1_TIME_to_tm(time, &fields) == 1 else {
      throw .drained(operation, code: .malformed)
    }
    return unsafe Date(timeIntervalSince1970: TimeInterval(timegm(&fields)))
  }
}
