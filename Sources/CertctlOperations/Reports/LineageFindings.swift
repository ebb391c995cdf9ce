package import CertctlCore
import CertctlStore
package import FoundationEssentials

extension LineageReport {
  /// What is wrong with the lineage at that moment, by the other fields.
  package func findings(at now: Date) -> [Finding] {
    (damage.map { [$0] } ?? []) + stateFindings + renewalFindings(at: now) + deploymentFindings
  }

  /// What is damaged, with what to do about it.
  package var damage: Finding? {
    problem.map { Finding(.error, .damaged, $0.inOneLine, hint: problemHint) }
  }

  private var stateFindings: [Finding] {
    let end = notAfter.map { " on \($0.rfc3339)" } ?? ""
    switch state {
    case .damaged: return []
    case .expired: return [Finding(.error, .expired, "it expired\(end)")]
    case .revoked: return [Finding(.error, .revoked, "it was revoked")]
    case .placeholder:
      return [Finding(.error, .placeholder, "it is a placeholder, which no client trusts")]
    case .degraded, .valid, .due, .missing:
      guard let missingNames else { return [] }
      return [
        Finding(.warning, .namesMissing, "it is without \(missingNames.joined(separator: ", "))")
      ]
    }
  }

  private func renewalFindings(at now: Date) -> [Finding] {
    var findings: [Finding] = []
    // Due, but not yet: something holds it back, and the reason says what.
    if state != .valid, let renewAt, renewAt > now, let renewReason {
      findings.append(Finding(.warning, .renewalHeld, renewReason))
    }
    if let lastFailure {
      // A failed validation has a line for each name.
      findings.append(
        Finding(
          .warning, .renewalFailed,
          "failed on \(lastFailure.date.rfc3339): \(lastFailure.message)"))
    }
    return findings
  }

  private var deploymentFindings: [Finding] {
    switch deployment {
    case .failed:
      [
        Finding(
          .error, .deploymentFailed,
          "deployment failed" + (deploymentFailure.map { ": \($0)" } ?? ""))
      ]
    case .notDeployed: [Finding(.notice, .notDeployed, "not deployed yet")]
    case .deployed, nil: []
    }
  }
}
