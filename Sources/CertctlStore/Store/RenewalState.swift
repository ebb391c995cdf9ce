package import FoundationEssentials

/// What is remembered between runs about the renewal of one lineage.
///
/// It belongs to one certificate. All instants are whole seconds from 1970 to 9999, because that is
/// what a state file holds: what a run decides is what the next one reads.
package struct RenewalState: Codable, Sendable, Equatable {
  /// The SHA-256 fingerprint, in hexadecimal, of the certificate that this is about; nil while
  /// there is none.
  package var certificate: String?
  /// When that certificate was obtained, by the clock of this machine; nil when it was not
  /// certctl that obtained it.
  package var obtained: Date?
  /// How many certificates in a row the schedule replaced within a quarter of their lifetime.
  ///
  /// From the second on the next one waits: a wrong clock, or a CA that always wants another
  /// certificate, would otherwise renew at every run.
  package var haste: Int?
  /// What the CA suggests (RFC 9773).
  package var suggestion: Suggestion?
  /// The last question to the CA for its suggestion.
  package var look: Look?
  /// The failures since the last success.
  package var failures: Failures?

  /// A window that the CA suggests, and the instant in it that was chosen.
  package struct Suggestion: Codable, Sendable, Equatable {
    /// Where the window begins.
    package var start: Date
    /// Where it ends.
    package var end: Date
    /// The instant in the window that was chosen, once, uniformly at random (RFC 9773 section 4.2).
    package var instant: Date
    /// A page of the CA that says why.
    package var explanationURL: String?

    package init(start: Date, end: Date, instant: Date, explanationURL: String? = nil) {
      self.start = start
      self.end = end
      self.instant = instant
      self.explanationURL = explanationURL
    }
  }

  /// A question to the CA for its suggestion.
  package struct Look: Codable, Sendable, Equatable {
    /// When it was asked.
    package var date: Date
    /// When to ask again: between a minute and a day after `date`.
    package var next: Date
    /// How many questions in a row had no answer.
    package var failures: Int?

    package init(date: Date, next: Date, failures: Int? = nil) {
      self.date = date
      self.next = next
      self.failures = failures
    }
  }

  /// Failed attempts in a row.
  package struct Failures: Codable, Sendable, Equatable {
    /// How many; at least 1.
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

  /// The state of a lineage of which nothing is known.
  ///
  /// - Parameter certificate: The fingerprint of its certificate, if it has one.
  package init(certificate: String? = nil) {
    self.certificate = certificate
  }

  /// This state if it is about that certificate, and an empty one if it is about another.
  ///
  /// It is about another after a rollback, and after a crash between storing a certificate and
  /// storing the lineage.
  package func about(_ certificate: String?) -> RenewalState {
    self.certificate == certificate ? self : RenewalState(certificate: certificate)
  }
}

extension Date {
  /// The instant as a state file can hold it: a whole second from 1970 to 9999.
  package func stored(_ rule: FloatingPointRoundingRule) -> Date {
    let seconds = timeIntervalSince1970
    guard seconds.isFinite else { return Date(timeIntervalSince1970: 0) }
    return Date(timeIntervalSince1970: min(max(seconds.rounded(rule), 0), 253_402_300_799))
  }
}
