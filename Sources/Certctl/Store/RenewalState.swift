public import FoundationEssentials

/// What is remembered between runs about the renewal of one lineage.
///
/// It belongs to one certificate. All instants are whole seconds from 1970 to 9999, because that is
/// what a state file holds: what a run decides is what the next one reads.
public struct RenewalState: Codable, Sendable, Equatable {
  /// The SHA-256 fingerprint, in hexadecimal, of the certificate that this is about; nil while
  /// there is none.
  public var certificate: String?
  /// When that certificate was obtained, by the clock of this machine; nil when it was not
  /// certctl that obtained it.
  public var obtained: Date?
  /// How many certificates in a row the schedule replaced within a quarter of their lifetime.
  ///
  /// From the second on the next one waits: a wrong clock, or a CA that always wants another
  /// certificate, would otherwise renew at every run.
  public var haste: Int?
  /// What the CA suggests (RFC 9773).
  public var suggestion: Suggestion?
  /// The last question to the CA for its suggestion.
  public var look: Look?
  /// The failures since the last success.
  public var failures: Failures?

  /// A window that the CA suggests, and the instant in it that was chosen.
  public struct Suggestion: Codable, Sendable, Equatable {
    /// Where the window begins.
    public var start: Date
    /// Where it ends.
    public var end: Date
    /// The instant in the window that was chosen, once, uniformly at random (RFC 9773 section 4.2).
    public var instant: Date
    /// A page of the CA that says why.
    public var explanationURL: String?
  }

  /// A question to the CA for its suggestion.
  public struct Look: Codable, Sendable, Equatable {
    /// When it was asked.
    public var date: Date
    /// When to ask again: between a minute and a day after `date`.
    public var next: Date
    /// How many questions in a row had no answer.
    public var failures: Int?
  }

  /// Failed attempts in a row.
  public struct Failures: Codable, Sendable, Equatable {
    /// How many; at least 1.
    public var count: Int
    /// When the last one failed.
    public var date: Date
    /// The earliest time for the next attempt.
    public var notBefore: Date
  }

  /// The state of a lineage of which nothing is known.
  ///
  /// - Parameter certificate: The fingerprint of its certificate, if it has one.
  public init(certificate: String? = nil) {
    self.certificate = certificate
  }

  /// This state if it is about that certificate, and an empty one if it is about another.
  ///
  /// It is about another after a rollback, and after a crash between storing a certificate and
  /// storing the lineage.
  public func about(_ certificate: String?) -> RenewalState {
    self.certificate == certificate ? self : RenewalState(certificate: certificate)
  }
}

extension Date {
  /// The instant as a state file can hold it: a whole second from 1970 to 9999.
  func stored(_ rule: FloatingPointRoundingRule) -> Date {
    let seconds = timeIntervalSince1970
    guard seconds.isFinite else { return Date(timeIntervalSince1970: 0) }
    return Date(timeIntervalSince1970: min(max(seconds.rounded(rule), 0), 253_402_300_799))
  }
}
