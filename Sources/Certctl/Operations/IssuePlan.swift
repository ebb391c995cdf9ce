import ACME
package import FoundationEssentials
package import PKI

/// What `issue` should do about a lineage: pure, from what is wanted and what is there.
package enum IssuePlan: Sendable, Equatable {
  /// Get a certificate, because of this.
  case issue(reason: String)
  /// Nothing is due, because of this.
  case nothing(reason: String)

  /// The plan for these settings.
  ///
  /// - Parameters:
  ///   - settings: What is wanted now.
  ///   - issued: The settings of the certificate in use; nil when there is none.
  ///   - leaf: The certificate in use; nil when there is none.
  ///   - isRevoked: Whether that certificate was revoked.
  ///   - force: Whether to issue anyway.
  ///   - now: The time.
  /// - Throws: `CertctlError` with code `refused` when names would be taken away without force.
  package init(
    settings: LineageSettings, issued: LineageSettings?, leaf: Certificate?, isRevoked: Bool,
    force: Bool, now: Date
  ) throws {
    guard let issued, let leaf else {
      self = .issue(reason: "there is no certificate yet")
      return
    }
    if force {
      self = .issue(reason: "--force was given")
      return
    }
    let missing = issued.names.filter { !settings.names.contains($0) }
    guard missing.isEmpty else {
      throw CertctlError(
        .refused,
        "the certificate in use also covers \(missing.map(\.value).joined(separator: ", ")), "
          + "which the new one would not",
        hint: "name them too, or give --force to drop them, or another --name for a second one")
    }
    if let change = settings.change(since: issued) {
      self = .issue(reason: change)
    } else if isRevoked {
      self = .issue(reason: "the certificate in use was revoked")
    } else {
      let due = RenewalSchedule.dueDate(notBefore: leaf.notBefore, notAfter: leaf.notAfter)
      self =
        now >= due
        ? .issue(reason: "the certificate in use is due since \(due.rfc3339)")
        : .nothing(
          reason: "the certificate in use is good until \(leaf.notAfter.rfc3339) "
            + "and due on \(due.rfc3339)")
    }
  }
}

extension Date {
  /// The time as RFC 3339 in UTC, to the second.
  package var rfc3339: String { formatted(.iso8601) }
}
