package import FoundationEssentials

/// The renewal state of one lineage, kept between runs.
///
/// It belongs to one certificate. All instants are whole seconds from 1970 to 9999, as a state file
/// holds them, so that the next run reads exactly what this one decided.
package struct RenewalState: Codable, Sendable, Equatable {
  /// The hexadecimal SHA-256 fingerprint of the certificate that this belongs to; nil if none.
  package var certificate: String?
  /// When certctl obtained that certificate, by the local clock; nil if it did not.
  package var obtained: Date?
  /// The number of certificates in a row that were replaced within a quarter of their lifetime.
  ///
  /// Only scheduled renewals count. From the second on, the next renewal is postponed. Otherwise a
  /// wrong clock, or a CA that always suggests renewal, would cause a renewal at every run.
  package var haste: Int?
  /// The window that the CA suggests (RFC 9773).
  package var suggestion: Suggestion?
  /// The last request for the CA's suggestion.
  package var look: Look?
  /// The failures since the last success.
  package var failures: Failures?

  /// A window that the CA suggests, and the instant chosen in it.
  package struct Suggestion: Codable, Sendable, Equatable {
    /// The start of the window.
    package var start: Date
    /// The end of the window.
    package var end: Date
    /// The instant chosen in the window, once, uniformly at random (RFC 9773, section 4.2).
    package var instant: Date
    /// The CA's page that explains the suggestion.
    package var explanationURL: String?

    package init(start: Date, end: Date, instant: Date, explanationURL: String? = nil) {
      self.start = start
      self.end = end
      self.instant = instant
      self.explanationURL = explanationURL
    }
  }

  /// A request for the CA's suggestion.
  package struct Look: Codable, Sendable, Equatable {
    /// When it was sent.
    package var date: Date
    /// When to send the next one: between a minute and a day after `date`.
    package var next: Date
    /// The number of requests in a row without a response.
    package var failures: Int?

    package init(date: Date, next: Date, failures: Int? = nil) {
      self.date = date
      self.next = next
      self.failures = failures
    }
  }

  /// Failed attempts in a row.
  package struct Failures: Codable, Sendable, Equatable {
    /// The number of failures, at least 1.
    package var count: Int
    /// When the last one failed.
    package var date: Date
    /// The earliest time for the next attempt.
    package var notBefore: Date

    package init(count: Int, date: Date, notBefore: Date) {
      self.count = count
      self.date = date
      self.notBefore = notBefore
    }
  }

  /// Creates an empty state.
  ///
  /// - Parameter certificate: The fingerprint of the lineage's certificate, if it has one.
  package init(certificate: String? = nil) {
    self.certificate = certificate
  }

  /// Returns this state if it belongs to the certificate, else an empty one.
  ///
  /// It belongs to another certificate after a rollback, or after a crash between storing a
  /// certificate and storing the lineage.
  package func about(_ certificate: String?) -> RenewalState {
    self.certificate == certificate ? self : RenewalState(certificate: certificate)
  }
}

extension Date {
  /// Returns the instant as a state file holds it: a whole second from 1970 to 9999.
  package func stored(_ rule: FloatingPointRoundingRule) -> Date {
    let seconds = timeIntervalSince1970
    guard seconds.isFinite else { return Date(timeIntervalSince1970: 0) }
    return Date(timeIntervalSince1970: min(max(seconds.rounded(rule), 0), 253_402_300_799))
  }
}
