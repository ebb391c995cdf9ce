import CertctlCore
package import FoundationEssentials

extension RenewalDecision: CustomStringConvertible {
  /// The decision in one line, without a full stop.
  package var description: String {
    switch self {
    case .now(let reason): "due: \(reason)"
    case .at(let instant, let reason): "due on \(instant.rfc3339): \(reason)"
    case .held(let until, let reason, let hold):
      "due (\(reason)), postponed until \(until.rfc3339): \(hold)"
    }
  }

  /// Whether to renew in this run.
  package var isNow: Bool {
    if case .now = self { true } else { false }
  }

  /// Whether a renewal is due, even if it is postponed.
  package var isDue: Bool {
    if case .at = self { false } else { true }
  }

  /// Whether a renewal is due but postponed.
  package var isHeld: Bool {
    if case .held = self { true } else { false }
  }

  /// Why the renewal is or will be due.
  package var reason: Reason {
    switch self {
    case .now(let reason), .at(_, let reason), .held(_, let reason, _): reason
    }
  }

  /// When the renewal can start; nil if now.
  package var next: Date? {
    switch self {
    case .now: nil
    case .at(let instant, _), .held(let instant, _, _): instant
    }
  }
}

extension RenewalDecision.Reason: CustomStringConvertible {
  /// The reason in words; it may quote a URL of the CA.
  package var description: String {
    switch self {
    case .noCertificate: "there is no certificate yet"
    case .revoked: "the certificate in use was revoked"
    case .settingsChanged(let change): change
    case .suggested(let start, let end, let page):
      "the CA suggests a time between \(start.rfc3339) and \(end.rfc3339)"
        + (page.map { " (see \($0))" } ?? "")
    case .lifetime: "near the end of its lifetime"
    case .lastQuarter: "in the last quarter of its lifetime, although the CA suggests a later time"
    case .expired: "it has expired"
    }
  }
}

extension RenewalDecision.Hold: CustomStringConvertible {
  /// Why the renewal is postponed, in words.
  package var description: String {
    switch self {
    case .failures(let count, let last):
      count == 1
        ? "the last attempt failed on \(last.rfc3339)"
        : "\(count) attempts in a row failed, the last on \(last.rfc3339)"
    case .haste(let obtained):
      "the certificate was obtained on \(obtained.rfc3339), soon after the previous one; "
        + "check the clock, or use --force to renew anyway"
    }
  }
}
