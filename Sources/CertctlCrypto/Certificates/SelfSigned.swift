import COpenSSL
import CertctlBase

/// Self-signed certificates, which clients do not trust.
enum SelfSigned {
  /// Creates a certificate whose validity began an hour ago.
  ///
  /// - Parameters:
  ///   - commonName: The common name of the subject and the issuer.
  ///   - names: The subject alternative names: DNS names, and IP addresses as text.
  ///   - days: The number of days until it expires.
  ///   - key: The certificate's key.
  ///   - operation: The operation's name in errors.
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

  /// Sets version, serial number, dates, names and key.
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
      // The peer's clock may be behind.
      unsafe X509_gmtime_adj(X509_getm_notBefore(certificate.pointer), -hour) != nil,
      unsafe X509_gmtime_adj(X509_getm_notAfter(certificate.pointer), days * 24 * hour) != nil,
      unsafe X509_NAME_add_entry_by_NID(
        subject, NID_commonName, V_ASN1_UTF8STRING, text, Int32(text.count), -1, 0) == 1,
      unsafe X509_set_issuer_name(certificate.pointer, subject) == 1,
      unsafe X509_set_pubkey(certificate.pointer, key.handle.pointer) == 1
    else { throw .drained(operation) }
  }
}

/// A marked, self-signed certificate that a server uses until it has a real one.
package enum PlaceholderCertificate {
  /// The common name that marks a placeholder.
  static let commonName = "certctl placeholder"

  /// Creates a placeholder that is valid for ninety days.
  ///
  /// - Parameters:
  ///   - names: DNS names, and IP addresses as text.
  ///   - key: The certificate's key.
  /// - Returns: The placeholder.
  /// - Throws: `CryptoError` with `.malformed` for a bad name.
  package static func make(for names: [String], key: PrivateKey) throws(CryptoError) -> Certificate
  {
    try SelfSigned.make(
      commonName: commonName, names: names, days: 90, key: key, "create the placeholder certificate"
    )
  }
}

extension Certificate {
  /// Whether this is a placeholder, which never counts as a real certificate.
  package var isPlaceholder: Bool {
    subjectCommonName == PlaceholderCertificate.commonName && issuer == subject
  }
}
