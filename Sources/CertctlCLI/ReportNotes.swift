import CertctlBase
import CertctlCore
import CertctlOperations
import CertctlStore
import FoundationEssentials

/// How much a certificate wants to be looked at.
enum Attention: Sendable {
  /// It serves nobody any more: red.
  case broken
  /// It is due, or something failed: yellow.
  case wanting

  /// The number of the colour in the sequences of ECMA-48 (SGR).
  var color: Int {
    switch self {
    case .broken: 31
    case .wanting: 33
    }
  }
}

extension LineageReport {
  /// How much it wants to be looked at; nil when all is well.
  var attention: Attention? {
    switch state {
    case .expired, .revoked, .damaged, .placeholder: return .broken
    case .due, .missing, .degraded: return .wanting
    case .valid: break
    }
    let isFailing = (failures ?? 0) > 0 || lastFailure != nil || deployment == .failed
    return isFailing ? .wanting : nil
  }

  /// What needs attention, one line each, as it was said: not yet safe for a terminal.
  func notes(now: Date) -> [String] {
    // A failed validation has a line for each name.
    sentences(now: now).map { $0.split { $0.isNewline }.joined(separator: " ") }
  }

  private func sentences(now: Date) -> [String] {
    var notes: [String] = []
    if let problem { notes.append(problem) }
    // Due, but not yet: something holds it back, and the reason says what.
    if state != .valid, let renewAt, renewAt > now, let renewReason { notes.append(renewReason) }
    if let lastFailure {
      notes.append("failed on \(lastFailure.date.rfc3339): \(lastFailure.message)")
    }
    switch deployment {
    case .failed: notes.append("deployment failed" + (deploymentFailure.map { ": \($0)" } ?? ""))
    case .notDeployed: notes.append("not deployed yet")
    case .deployed, nil: break
    }
    return notes
  }
}

extension Deployment.Progress {
  /// The progress in words.
  var words: String {
    switch self {
    case .notDeployed: "not deployed yet"
    case .deployed: "deployed"
    case .failed: "failed"
    }
  }
}

extension Date {
  /// The day in UTC: "2026-01-31".
  var day: String { String(rfc3339.prefix { $0 != "T" }) }
}

extension TerminalText {
  /// The text without spaces at its end.
  var withoutTrailingSpaces: TerminalText {
    var text = string[...]
    while text.last == " " { text.removeLast() }
    return TerminalText(raw: String(text))
  }
}
