package import ACME
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

extension RenewalState {
  /// Whether the CA has to be asked for its suggestion.
  ///
  /// False until the stored Retry-After has passed, so that a run with nothing due and nothing to
  /// ask makes no request; and false after the certificate has expired (RFC 9773 section 4.3.3).
  /// A question that lies in the future, or a Retry-After further off than a day, was noted by a
  /// clock that was wrong.
  ///
  /// - Parameters:
  ///   - certificate: The certificate in question.
  ///   - now: The time.
  /// - Returns: Whether to ask.
  package func asksRenewalInfo(for certificate: RenewalCertificate, now: Date) -> Bool {
    guard now < certificate.notAfter else { return false }
    guard self.certificate == certificate.fingerprint, let look else { return true }
    return now >= look.next || look.date > now.addingTimeInterval(Self.clockTolerance)
      || look.next > now.addingTimeInterval(86400 + Self.clockTolerance)
  }

  /// Takes the CA's answer.
  ///
  /// A window that moved keeps the chosen instant if it still holds it; else another is chosen.
  ///
  /// - Parameters:
  ///   - info: The answer about the certificate that this state is about.
  ///   - now: The time.
  ///   - generator: Where the instant in the window comes from.
  package mutating func adopt(
    _ info: RenewalInfo, now: Date, using generator: inout some RandomNumberGenerator
  ) {
    let start = info.start.stored(.down)
    let end = max(start, info.end.stored(.down))
    if let instant = suggestion?.instant, (start...end).contains(instant) {
      suggestion = Suggestion(
        start: start, end: end, instant: instant, explanationURL: info.explanationURL)
    } else {
      let seconds = Int64(start.timeIntervalSince1970)...Int64(end.timeIntervalSince1970)
      let instant = Date(
        timeIntervalSince1970: Double(Int64.random(in: seconds, using: &generator)))
      suggestion = Suggestion(
        start: start, end: end, instant: instant, explanationURL: info.explanationURL)
    }
    note(look: info.retryAfter, now: now, failures: nil)
  }

  /// Notes that the CA did not answer the question: the next is after 1, 10, 100 minutes, then
  /// six hours.
  ///
  /// A suggestion that it made earlier stays.
  package mutating func noteUnanswered(now: Date) {
    let failures = (look?.failures ?? 0).advanced(by: 1)
    let wait = min(BackOff.delay(after: failures), 6 * 3600)
    note(look: now.addingTimeInterval(wait), now: now, failures: failures)
  }

  /// Notes that the CA has no renewal information: the next question is after a day.
  package mutating func noteNoRenewalInfo(now: Date) {
    suggestion = nil
    note(look: now.addingTimeInterval(86400), now: now, failures: nil)
  }

  private mutating func note(look next: Date, now: Date, failures: Int?) {
    let date = now.stored(.down)
    let latest = now.addingTimeInterval(86400)
    look = Look(
      date: date, next: min(max(next, now.addingTimeInterval(60)), latest).stored(.up),
      failures: failures)
  }

  /// Notes that an attempt failed.
  ///
  /// - Parameters:
  ///   - certificate: The certificate that was to be renewed, if there is one.
  ///   - retryAfter: The time that the CA named for the next attempt, if it did.
  ///   - now: The time.
  package mutating func noteFailure(
    of certificate: RenewalCertificate?, retryAfter: Date? = nil, now: Date
  ) {
    let count = min((failures?.count ?? 0).advanced(by: 1), BackOff.longestCount)
    failures = Failures(
      count: count, date: now.stored(.down),
      notBefore: BackOff.notBefore(
        failures: count, certificate: certificate, retryAfter: retryAfter, now: now
      ).stored(.up))
  }

  /// Notes that a new certificate was obtained: this is about that one from now on, with no
  /// suggestion and no failures.
  ///
  /// - Parameters:
  ///   - certificate: The new one.
  ///   - reason: The decision's reason; nil when a person wanted it.
  ///   - now: The time.
  package mutating func noteSuccess(
    _ certificate: RenewalCertificate, because reason: RenewalDecision.Reason? = nil, now: Date
  ) {
    let use = obtained.map { now.timeIntervalSince($0) }
    let isHasty = use.map { $0 >= 0 && $0 < certificate.lifetime / 4 } ?? false
    let known = haste ?? 0
    let haste = isHasty ? min(known + (reason?.isScheduled == true ? 1 : 0), 1000) : 0
    self = RenewalState(certificate: certificate.fingerprint)
    obtained = now.stored(.down)
    self.haste = haste == 0 ? nil : haste
  }

  /// How far a note of the past may lie in the future before the clock is held to be wrong.
  static let clockTolerance: TimeInterval = 300
}

extension Date {
  /// The instant as a state file can hold it: a whole second from 1970 to 9999.
  func stored(_ rule: FloatingPointRoundingRule) -> Date {
    let seconds = timeIntervalSince1970
    guard seconds.isFinite else { return Date(timeIntervalSince1970: 0) }
    return Date(timeIntervalSince1970: min(max(seconds.rounded(rule), 0), 253_402_300_799))
  }
}
