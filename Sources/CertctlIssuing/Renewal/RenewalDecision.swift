package import CertctlStore
package import FoundationEssentials

/// Whether a lineage is to be renewed: pure, from what is known and the time.
///
/// The same input gives the same answer, and between two runs the answer changes only because
/// time passed or a fact changed.
package enum RenewalDecision: Sendable, Equatable {
  /// Renew now.
  case now(Reason)
  /// Nothing to do before this instant; renew then.
  case at(Date, Reason)
  /// It is due, and held back until this instant.
  case held(until: Date, Reason, Hold)

  /// Why a lineage is, or will be, due.
  package enum Reason: Sendable, Equatable {
    /// It has no certificate yet.
    case noCertificate
    /// The certificate was revoked.
    case revoked
    /// What is wanted has changed, in these words.
    case settingsChanged(String)
    /// The CA suggests a window, from `start` to `end`.
    case suggested(start: Date, end: Date, explanationURL: String?)
    /// A third of the lifetime is left, or half of a short one.
    case lifetime
    /// The last quarter of the lifetime begins, whatever the CA suggests.
    case lastQuarter
    /// The certificate has expired.
    case expired

    /// Whether the dates or the CA want it, and not a person or a revocation.
    package var isScheduled: Bool {
      switch self {
      case .suggested, .lifetime, .lastQuarter, .expired: true
      case .noCertificate, .revoked, .settingsChanged: false
      }
    }
  }

  /// What holds a due renewal back.
  package enum Hold: Sendable, Equatable {
    /// So many attempts failed in a row, the last one then.
    case failures(count: Int, last: Date)
    /// The certificate is new, and so were those before it when they were replaced: the clock or
    /// the CA is wrong.
    case haste(obtained: Date)
  }

  /// How long after this run the next one comes at the latest, in seconds: what the timer that is
  /// shipped keeps.
  ///
  /// A renewal that would fall due before the next run is made in this one (RFC 9773 section 4.2).
  package static let timerInterval: TimeInterval = 13 * 3600

  /// Decides.
  ///
  /// - Parameters:
  ///   - certificate: The newest certificate of the lineage, deployed or not; nil when there is
  ///     none.
  ///   - state: What earlier runs noted. Notes about another certificate do not count.
  ///   - isRevoked: Whether that certificate was revoked.
  ///   - change: What has changed in the settings since it was ordered, in words; nil for nothing.
  ///   - lookAhead: How long after `now` the next decision comes at the latest, in seconds. More
  ///     than a tenth of the lifetime counts as a tenth.
  ///   - now: The time.
  package init(
    certificate: RenewalCertificate?, state: RenewalState?, isRevoked: Bool = false,
    settingsChanged change: String? = nil, lookAhead: TimeInterval = timerInterval, now: Date
  ) {
    let state = state.flatMap { $0.certificate == certificate?.fingerprint ? $0 : nil }
    var due = now
    var reason: Reason
    if let certificate {
      reason = .revoked
      if !isRevoked {
        if let change {
          reason = .settingsChanged(change)
        } else {
          (due, reason) = Self.schedule(certificate, state?.suggestion, now: now)
          let horizon = min(max(0, lookAhead), certificate.lifetime / 10)
          if due > now.addingTimeInterval(horizon) {
            self = .at(due, reason)
            return
          }
          if let (until, hold) = Self.haste(certificate, state, now: now) {
            self = .held(until: until, reason, hold)
            return
          }
        }
      }
    } else {
      reason = .noCertificate
    }
    if let (until, hold) = Self.backOff(state?.failures, now: now) {
      self = .held(until: until, reason, hold)
    } else {
      self = .now(reason)
    }
  }

  /// When the dates and the CA want the renewal.
  private static func schedule(
    _ certificate: RenewalCertificate, _ suggestion: RenewalState.Suggestion?, now: Date
  ) -> (Date, Reason) {
    let last = certificate.lastSafeInstant
    if now >= certificate.notAfter { return (min(last, now), .expired) }
    guard let suggestion else { return (certificate.dueDate, .lifetime) }
    if suggestion.instant > last { return (last, .lastQuarter) }
    return (
      suggestion.instant,
      .suggested(
        start: suggestion.start, end: suggestion.end, explanationURL: suggestion.explanationURL)
    )
  }

  private static func haste(
    _ certificate: RenewalCertificate, _ state: RenewalState?, now: Date
  ) -> (Date, Hold)? {
    guard let obtained = state?.obtained, let haste = state?.haste, haste > 1,
      obtained <= now.addingTimeInterval(RenewalState.clockTolerance)
    else { return nil }
    // 1, 2, 4 days and so on.
    let wait = min(86400 * Double(1 << min(haste - 2, 10)), certificate.lifetime / 10)
    let until = obtained.addingTimeInterval(wait)
    return now < until ? (until, .haste(obtained: obtained)) : nil
  }

  private static func backOff(
    _ failures: RenewalState.Failures?, now: Date
  ) -> (Date, Hold)? {
    // A failure in the future was noted by a clock that was wrong: one attempt sets it right.
    guard let failures, now < failures.notBefore,
      failures.date <= now.addingTimeInterval(RenewalState.clockTolerance)
    else { return nil }
    return (failures.notBefore, .failures(count: failures.count, last: failures.date))
  }
}
