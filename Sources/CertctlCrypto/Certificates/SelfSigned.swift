import COpenSSL
import CertctlBase

/// Certificates that their own key signs, which nobody is to trust.
enum SelfSigned {
  /// Makes a certificate that is good from an hour ago.
  ///
  /// - Parameters:
  ///   - commonName: What it says of itself, as subject and issuer.
  ///   - names: Its subject alternative names: DNS names, and IP addresses as text.
  ///   - days: How long it is good.
  ///   - key: Its key.
  ///   - operation: What is being done, for errors.
  ///   - extend: Adds further extensions.
  /// - Returns: The certificate.
  /// - Throws: `CryptoError` with `.malformed` for a bad name.
  static func make(
    commonName: String, names: [String], days: Int, key: PrivateKey, _ operation: String,
    extend: (borrowing Owned) throws(CryptoError) -> Void = { (_: borrowing Owned) in }
  ) throws(CryptoError) -> Certificate {
    ErrorQueue.clear()
    let certificate = try unsafe Owned(X509_new(), X509_free, operation)
    try fill(certificate, commonName, days, key, operation)
    let addresses = names.filter { IPAddress($0) != nil }
    let alternatives = try AlternativeNames.make(
      dnsNames: names.filter { !addresses.contains($0) }, ipAddresses: addresses, operation)
    guard
      unsafe X509_add1_ext_i2d(
        certificate.pointer, NID_subject_alt_name, UnsafeMutableRawPointer(alternatives.pointer), 0,
        0) == 1
    else { throw .drained(operation) }
    try extend(certificate)
    guard unsafe X509_sign(certificate.pointer, key.handle.pointer, key.family.digest) > 0 else {
      throw .drained(operation)
    }
    return try Certificate(certificate, operation)
  }

  /// Version, serial number, dates, names and key.
  private static func fill(
    _ certificate: borrowing Owned, _ commonName: String, _ days: Int, _ key: PrivateKey,
    _ operation: String
  ) throws(CryptoError) {
    let hour = 3600
    let number = try BigNumber.make(RandomBytes.make(16), operation)
    let serial = unsafe X509_get_serialNumber(certificate.pointer)
    let subject = unsafe X509_get_subject_name(certificate.pointer)
    // An issuer must not be empty (RFC 5280 section 4.1.2.4).
    let text = Array(commonName.utf8)
    guard unsafe X509_set_version(certificate.pointer, 2) == 1,
      unsafe BN_to_ASN1_INTEGER(number.pointer, serial) != nil,
      // The other side's clock may be behind ours.
      unsafe X509_gmtime_adj(X509_getm_notBefore(certificate.pointer), -hour) != nil,
      unsafe X509_gmtime_adj(X509_getm_notAfter(certificate.pointer), days * 24 * hour) != nil,
      unsafe X509_NAME_add_entry_by_NID(
        subject, NID_commonName, V_ASN1_UTF8STRING, text, Int32(text.count), -1, 0) == 1,
      unsafe X509_set_issuer_name(certificate.pointer, subject) == 1,
      unsafe X509_set_pubkey(certificate.pointer, key.handle.pointer) == 1
    else { throw .drained(operation) }
  }
}

/// A certificate that stands where a server needs one and there is none: marked, and trusted by
/// nobody.
package enum PlaceholderCertificate {
  /// What it says of itself.
  static let commonName = "certctl placeholder"

  /// Makes one, good for ninety days.
  ///
  /// - Parameters:
  ///   - names: DNS names, and IP addresses as text.
  ///   - key: Its key.
  /// - Returns: The placeholder.
  /// - Throws: `CryptoError` with `.malformed` for a bad name.
  package static func make(for names: [String], key: PrivateKey) throws(CryptoError) -> Certificate
  {
    try SelfSigned.make(
      commonName: commonName, names: names, days: 90, key: key, "make the placeholder")
  }
}

extension Certificate {
  /// Whether this is a placeholder, which is never as good as a certificate.
  package var isPlaceholder: Bool {
    subjectCommonName == PlaceholderCertificate.commonName && issuer == subject
  }
}
