package import CertctlCrypto
package import FoundationEssentials

/// What a renewal decision needs to know of a certificate.
package struct RenewalCertificate: Sendable, Equatable {
  /// The SHA-256 fingerprint in hexadecimal.
  package var fingerprint: String
  /// The start of its lifetime.
  package var notBefore: Date
  /// The end of its lifetime.
  package var notAfter: Date

  /// Takes the facts as they are.
  package init(fingerprint: String, notBefore: Date, notAfter: Date) {
    self.fingerprint = fingerprint
    self.notBefore = notBefore
    self.notAfter = notAfter
  }

  /// The facts of a leaf.
  package init(_ leaf: Certificate) {
    self.init(
      fingerprint: leaf.sha256Fingerprint.hexadecimal, notBefore: leaf.notBefore,
      notAfter: leaf.notAfter)
  }

  /// The facts of certificates that are renewed together: the dates of the one that is due first,
  /// under the fingerprint of the first one.
  package init(_ leaves: [Certificate]) {
    let all = leaves.map { RenewalCertificate($0) }
    let none = RenewalCertificate(
      fingerprint: "", notBefore: .distantPast, notAfter: .distantPast)
    self = all.min { $0.dueDate < $1.dueDate } ?? none
    fingerprint = all.first?.fingerprint ?? ""
  }

  /// How long it lives, in seconds.
  package var lifetime: TimeInterval { max(0, notAfter.timeIntervalSince(notBefore)) }

  /// When it is due by its dates alone.
  package var dueDate: Date {
    RenewalSchedule.dueDate(notBefore: notBefore, notAfter: notAfter)
  }

  /// The start of the last quarter of its lifetime.
  package var lastSafeInstant: Date {
    RenewalSchedule.lastSafeInstant(notBefore: notBefore, notAfter: notAfter)
  }
}
