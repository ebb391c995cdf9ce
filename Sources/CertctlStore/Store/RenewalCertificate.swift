package import CertctlCrypto
package import FoundationEssentials

/// The facts of a certificate that a renewal decision needs.
package struct RenewalCertificate: Sendable, Equatable {
  /// The SHA-256 fingerprint in hexadecimal.
  package var fingerprint: String
  /// The start of its lifetime.
  package var notBefore: Date
  /// The end of its lifetime.
  package var notAfter: Date

  /// Creates the facts from their values.
  package init(fingerprint: String, notBefore: Date, notAfter: Date) {
    self.fingerprint = fingerprint
    self.notBefore = notBefore
    self.notAfter = notAfter
  }

  /// Creates the facts of a leaf.
  package init(_ leaf: Certificate) {
    self.init(
      fingerprint: leaf.sha256Fingerprint.hexadecimal, notBefore: leaf.notBefore,
      notAfter: leaf.notAfter)
  }

  /// Creates the facts of certificates that are renewed together.
  ///
  /// The dates are those of the certificate that is due first; the fingerprint is that of the first
  /// certificate.
  package init(_ leaves: [Certificate]) {
    let all = leaves.map { RenewalCertificate($0) }
    let none = RenewalCertificate(
      fingerprint: "", notBefore: .distantPast, notAfter: .distantPast)
    self = all.min { $0.dueDate < $1.dueDate } ?? none
    fingerprint = all.first?.fingerprint ?? ""
  }

  /// The lifetime in seconds.
  package var lifetime: TimeInterval { max(0, notAfter.timeIntervalSince(notBefore)) }

  /// When it is due for renewal if only its dates count.
  package var dueDate: Date {
    RenewalSchedule.dueDate(notBefore: notBefore, notAfter: notAfter)
  }

  /// The start of the last quarter of its lifetime.
  package var lastSafeInstant: Date {
    RenewalSchedule.lastSafeInstant(notBefore: notBefore, notAfter: notAfter)
  }
}
