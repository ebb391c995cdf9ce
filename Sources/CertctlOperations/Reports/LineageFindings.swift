package import CertctlCore
import CertctlStore
package import FoundationEssentials

extension LineageReport {
  /// Returns the findings at this moment, derived from the other fields.
  package func findings(at now: Date) -> [Finding] {
    (damage.map { [$0] } ?? []) + stateFindings + renewalFindings(at: now) + deploymentFindings
  }

  /// The finding for a damaged file.
  package var damage: Finding? {
    problem.map { Finding(.error, .damaged, $0.inOneLine, hint: problemHint) }
  }

  private var stateFindings: [Finding] {
    let end = notAfter.map { " on \($0.rfc3339)" } ?? ""
    switch state {
    case .damaged: return []
    case .expired: return [Finding(.error, .expired, "expired\(end)")]
    case .revoked: return [Finding(.error, .revoked, "revoked")]
    case .placeholder:
      return [Finding(.error, .placeholder, "placeholder, not trusted by clients")]
    case .degraded, .valid, .due, .missing:
      guard let missingNames else { return [] }
      return [
        Finding(.warning, .namesMissing, "does not cover \(missingNames.joined(separator: ", "))")
      ]
    }
  }

  private func renewalFindings(at now: Date) -> [Finding] {
    var findings: [Finding] = []
    // Due but postponed; the reason says why.
    if state != .valid, let renewAt, renewAt > now, let renewReason {
      findings.append(Finding(.warning, .renewalHeld, renewReason))
    }
    if let lastFailure {
      findings.append(
        Finding(
          .warning, .renewalFailed,
          "last attempt failed on \(lastFailure.date.rfc3339): \(lastFailure.message)"))
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
