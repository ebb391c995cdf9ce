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

  /// What needs attention beside what the state says in a word.
  func notes(now: Date) -> [Finding] {
    let states: Set<Finding.Code> = [.expired, .revoked]
    return findings(at: now).filter { !states.contains($0.code) }
  }

  /// The names beside the one that it goes by.
  var furtherNames: [String] { names.filter { $0 != name } }
}

extension LineageReport.State {
  /// The state for a person; scripts read the word in JSON.
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
  /// The text without spaces at its end.
  var withoutTrailingSpaces: TerminalText {
    var text = string[...]
    while text.last == " " { text.removeLast() }
    return TerminalText(raw: String(text))
  }
}
