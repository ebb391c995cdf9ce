import CertctlCore
package import FoundationEssentials

extension RenewalDecision: CustomStringConvertible {
  /// The decision as one sentence without a full stop.
  package var description: String {
    switch self {
    case .now(let reason): "due: \(reason)"
    case .at(let instant, let reason): "due on \(instant.rfc3339): \(reason)"
    case .held(let until, let reason, let hold):
      "due (\(reason)), held back until \(until.rfc3339): \(hold)"
    }
  }

  /// Whether to renew in this run.
  package var isNow: Bool {
    if case .now = self { true } else { false }
  }

  /// Whether a renewal is due, even if it is held back.
  package var isDue: Bool {
    if case .at = self { false } else { true }
  }

  /// Whether it is due, and something holds it back.
  package var isHeld: Bool {
    if case .held = self { true } else { false }
  }

  /// Why it is, or will be, due.
  package var reason: Reason {
    switch self {
    case .now(let reason), .at(_, let reason), .held(_, let reason, _): reason
    }
  }

  /// When there is something to do next; nil when that is at once.
  package var next: Date? {
    switch self {
    case .now: nil
    case .at(let instant, _), .held(let instant, _, _): instant
    }
  }
}

extension RenewalDecision.Reason: CustomStringConvertible {
  /// The reason in words; what a CA said in it is safe for a terminal.
  package var description: String {
    switch self {
    case .noCertificate: "there is no certificate yet"
    case .revoked: "the certificate in use was revoked"
    case .settingsChanged(let change): change
    case .suggested(let start, let end, let page):
      "the CA suggests \(start.rfc3339) to \(end.rfc3339)"
        + (page.map { ", see \($0)" } ?? "")
    case .lifetime: "most of its lifetime is over"
    case .lastQuarter: "the last quarter of its lifetime begins, and the CA suggests later"
    case .expired: "it has expired"
    }
  }
}

extension RenewalDecision.Hold: CustomStringConvertible {
  /// What holds the renewal back, in words.
  package var description: String {
    switch self {
    case .failures(let count, let last):
      count == 1
        ? "the last attempt failed on \(last.rfc3339)"
        : "\(count) attempts in a row failed, the last on \(last.rfc3339)"
    case .haste(let obtained):
      "it was obtained on \(obtained.rfc3339), soon after the one before: "
        + "is the clock right? --force renews all the same"
    }
  }
}
