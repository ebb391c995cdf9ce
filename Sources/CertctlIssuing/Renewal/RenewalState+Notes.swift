package import ACME
package import CertctlStore
package import FoundationEssentials

extension RenewalState {
  /// Returns whether to request the CA's suggestion.
  ///
  /// False until the stored Retry-After has passed, so that a run with nothing due sends no
  /// request. Also false after the certificate has expired (RFC 9773, section 4.3.3). A request in
  /// the future, or a Retry-After more than a day ahead, was recorded by a wrong clock and is
  /// ignored.
  ///
  /// - Parameters:
  ///   - certificate: The certificate in question.
  ///   - now: The time.
  /// - Returns: Whether to send a request.
  package func asksRenewalInfo(for certificate: RenewalCertificate, now: Date) -> Bool {
    guard now < certificate.notAfter else { return false }
    guard self.certificate == certificate.fingerprint, let look else { return true }
    return now >= look.next || look.date > now.addingTimeInterval(Self.clockTolerance)
      || look.next > now.addingTimeInterval(86400 + Self.clockTolerance)
  }

  /// Records the CA's response.
  ///
  /// The chosen instant stays if the new window contains it; otherwise a new one is chosen.
  ///
  /// - Parameters:
  ///   - info: The response about the certificate of this state.
  ///   - now: The time.
  ///   - generator: The source of randomness for choosing the instant.
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

  /// Records that the CA did not respond.
  ///
  /// The next request follows after 1, 10, 100 minutes, then six hours. The old suggestion stays.
  package mutating func noteUnanswered(now: Date) {
    let failures = (look?.failures ?? 0).advanced(by: 1)
    let wait = min(BackOff.delay(after: failures), 6 * 3600)
    note(look: now.addingTimeInterval(wait), now: now, failures: failures)
  }

  /// Records that the CA has no renewal information; the next request follows after a day.
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

  /// Records a failed attempt.
  ///
  /// - Parameters:
  ///   - certificate: The certificate to renew, if there is one.
  ///   - retryAfter: The time that the CA named for the next attempt, if any.
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

  /// Records a new certificate, to which the state then belongs, without suggestion and failures.
  ///
  /// - Parameters:
  ///   - certificate: The new certificate.
  ///   - reason: The reason of the decision; nil if a person requested the certificate.
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

  /// How far a recorded time may lie in the future before the clock counts as wrong, in seconds.
  static let clockTolerance: TimeInterval = 300
}
