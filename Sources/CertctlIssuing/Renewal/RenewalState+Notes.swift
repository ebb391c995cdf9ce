package import ACME
package import CertctlStore
package import FoundationEssentials

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
