package import CertctlStore
package import FoundationEssentials

/// The decision whether to renew a lineage: a pure function of the known facts and the time.
///
/// Between two runs, the decision changes only if time passed or a fact changed.
package enum RenewalDecision: Sendable, Equatable {
  /// Renew now.
  case now(Reason)
  /// Renew at this instant, and not before.
  case at(Date, Reason)
  /// The renewal is due, but postponed until this instant.
  case held(until: Date, Reason, Hold)

  /// Why a renewal is or will be due.
  package enum Reason: Sendable, Equatable {
    /// There is no certificate yet.
    case noCertificate
    /// The certificate was revoked.
    case revoked
    /// The settings have changed, in these words.
    case settingsChanged(String)
    /// The CA suggests a window, from `start` to `end`.
    case suggested(start: Date, end: Date, explanationURL: String?)
    /// Only a third of the lifetime is left, or half of a short lifetime.
    case lifetime
    /// The last quarter of the lifetime begins, and the CA suggests a later time.
    case lastQuarter
    /// The certificate has expired.
    case expired

    /// Whether the dates or the CA cause the renewal, rather than a person or a revocation.
    package var isScheduled: Bool {
      switch self {
      case .suggested, .lifetime, .lastQuarter, .expired: true
      case .noCertificate, .revoked, .settingsChanged: false
      }
    }
  }

  /// Why a due renewal is postponed.
  package enum Hold: Sendable, Equatable {
    /// This many attempts failed in a row, the last one at this time.
    case failures(count: Int, last: Date)
    /// The certificate is new, and so were earlier ones when they were replaced.
    ///
    /// Either the clock or the CA is wrong.
    case haste(obtained: Date)
  }

  /// The longest time between two runs of the shipped timer, in seconds.
  ///
  /// A renewal that is due before the next run happens in this one (RFC 9773, section 4.2).
  package static let timerInterval: TimeInterval = 13 * 3600

  /// Makes the decision.
  ///
  /// - Parameters:
  ///   - certificate: The newest certificate of the lineage, deployed or not; nil if there is none.
  ///   - state: The state that earlier runs recorded; one of another certificate is ignored.
  ///   - isRevoked: Whether that certificate was revoked.
  ///   - change: How the settings have changed since it was ordered, in words; nil if unchanged.
  ///   - lookAhead: The longest time until the next decision, in seconds. At most a tenth of the
  ///     lifetime counts.
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

  /// Returns when the renewal is due by the dates and the CA's suggestion, and why.
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
    // A failure in the future was recorded by a wrong clock; the next attempt corrects it.
    guard let failures, now < failures.notBefore,
      failures.date <= now.addingTimeInterval(RenewalState.clockTolerance)
    else { return nil }
    return (failures.notBefore, .failures(count: failures.count, last: failures.date))
  }
}
