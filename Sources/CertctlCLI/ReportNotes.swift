import CertctlBase
import CertctlCore
import CertctlOperations
import CertctlStore
import FoundationEssentials

/// The urgency of a certificate or site that needs attention.
enum Attention: Sendable {
  /// It does not work for clients: red.
  case broken
  /// It is due, or something failed: yellow.
  case wanting

  /// The number of the colour in SGR sequences (ECMA-48).
  var color: Int {
    switch self {
    case .broken: 31
    case .wanting: 33
    }
  }
}

extension LineageReport {
  /// The urgency; nil if nothing needs attention.
  var attention: Attention? {
    switch state {
    case .expired, .revoked, .damaged, .placeholder: return .broken
    case .due, .missing, .degraded: return .wanting
    case .valid: break
    }
    let isFailing = (failures ?? 0) > 0 || lastFailure != nil || deployment == .failed
    return isFailing ? .wanting : nil
  }

  /// Returns the findings that the state does not already express.
  func notes(now: Date) -> [Finding] {
    let states: Set<Finding.Code> = [.expired, .revoked]
    return findings(at: now).filter { !states.contains($0.code) }
  }

  /// The domain names other than the name of the certificate.
  var furtherNames: [String] { names.filter { $0 != name } }
}

extension LineageReport.State {
  /// The state in words; JSON has the raw value.
  var words: String {
    switch self {
    case .valid: "valid"
    case .degraded: "some names missing"
    case .due: "due"
    case .expired: "expired"
    case .revoked: "revoked"
    case .missing, .placeholder: "no certificate yet"
    case .damaged: "damaged"
    }
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

extension TerminalText {
  /// The text without trailing spaces.
  var withoutTrailingSpaces: TerminalText {
    var text = string[...]
    while text.last == " " { text.removeLast() }
    return TerminalText(raw: String(text))
  }
}
