package import CertctlCore
package import CertctlStore
package import FoundationEssentials

/// The options of a run of `renew`.
package struct RenewRequest: Sendable {
  /// The lineages; empty for all.
  package var names: [LineageName]
  /// Whether to renew certificates that are not due.
  package var force: Bool
  /// Whether to only report what would happen, without contacting a CA.
  package var dryRun: Bool
  /// The maximum number of concurrent orders; nil for the CAs' known limit.
  package var jobs: Int?
  /// The absolute path of the Prometheus metrics file; nil for the configured one.
  package var metricsFile: String?
  /// The version of the calling program, for the metrics.
  package var version: String

  /// Creates the options of a run.
  package init(
    names: [LineageName] = [], force: Bool = false, dryRun: Bool = false, jobs: Int? = nil,
    metricsFile: String? = nil, version: String = "unknown"
  ) {
    self.names = names
    self.force = force
    self.dryRun = dryRun
    self.jobs = jobs
    self.metricsFile = metricsFile
    self.version = version
  }
}

/// The result of a run, or dry run, for one lineage.
package struct RenewalResult: Encodable, Sendable {
  /// The outcome.
  package enum Outcome: String, Encodable, Sendable {
    /// A new certificate was obtained.
    case renewed
    /// Nothing was due.
    case unchanged
    /// It is due, and only a dry run left it unchanged.
    case due
    /// It is due, but the schedule postpones it, for example after failures.
    case held
    /// It is due, but postponed by a rate limit or an unreachable CA.
    case postponed
    /// Another process was working on it.
    case locked
    /// It could not be renewed.
    case failed
  }

  /// The lineage.
  package let lineage: String
  /// The outcome.
  package var outcome: Outcome
  /// The reason, for a person.
  package var reason: String
  /// Its names.
  package var names: [String] = []
  /// The names that the certificate lacks because the CA refused them.
  package var missingNames: [String]?
  /// The time of the next renewal or attempt.
  package var next: Date?
  /// The expiry date of the certificate in use.
  package var notAfter: Date?
  /// Whether the certificate is in the last quarter of its lifetime, or expired.
  package var isUrgent = false
  /// The error, if any.
  package var error: ErrorDetail?
  /// The reason why the deployment failed.
  package var deploymentError: String?
  /// The number of consecutive failed attempts.
  package var failures: Int?

  /// The findings, derived from the other fields.
  package var findings: [Finding] {
    var findings: [Finding] = []
    func find(_ level: Finding.Level, _ code: Finding.Code, _ message: String, hint: String? = nil)
    {
      findings.append(Finding(level, code, subject: lineage, message.inOneLine, hint: hint))
    }
    switch outcome {
    case .renewed, .unchanged, .due: break
    case .held: find(.warning, .renewalHeld, reason)
    case .postponed: find(.warning, .renewalPostponed, reason, hint: error?.hint)
    case .locked: find(.warning, .renewalLocked, reason, hint: error?.hint)
    case .failed: find(.error, .renewalFailed, reason, hint: error?.hint)
    }
    if let missingNames {
      find(.warning, .namesMissing, "does not cover \(missingNames.joined(separator: ", "))")
    }
    if let deploymentError {
      find(
        .error, .deploymentFailed, "not deployed: \(deploymentError)",
        hint: "fix the cause, then run: certctl renew \(lineage)")
    }
    if isUrgent, let notAfter {
      find(.error, .expiresSoon, "the certificate expires on \(notAfter.rfc3339)")
    }
    return findings
  }

  private enum Key: CodingKey {
    case lineage, outcome, reason, names, missingNames, next, notAfter, isUrgent, error
    case deploymentError, failures, findings
  }

  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: Key.self)
    try fields.encode(lineage, forKey: .lineage)
    try fields.encode(outcome, forKey: .outcome)
    try fields.encode(reason, forKey: .reason)
    try fields.encode(names, forKey: .names)
    try fields.encodeIfPresent(missingNames, forKey: .missingNames)
    try fields.encodeIfPresent(next, forKey: .next)
    try fields.encodeIfPresent(notAfter, forKey: .notAfter)
    try fields.encode(isUrgent, forKey: .isUrgent)
    try fields.encodeIfPresent(error, forKey: .error)
    try fields.encodeIfPresent(deploymentError, forKey: .deploymentError)
    try fields.encodeIfPresent(failures, forKey: .failures)
    try fields.encode(findings, forKey: .findings)
  }

  /// The exit code for this result.
  var exitCode: Int32 {
    if deploymentError != nil { return 1 }
    switch outcome {
    // Names that were left out count as a failure.
    case .renewed: return missingNames == nil ? 0 : 1
    case .unchanged, .due: return 0
    case .held, .postponed, .locked: return isUrgent ? 1 : 75
    case .failed: return error?.isRetryable == true && !isUrgent ? 75 : 1
    }
  }
}

/// The report of a run of `renew`.
package struct RenewReport: Encodable, Sendable {
  /// The format version.
  package let version = 1
  /// Whether it was a dry run.
  package let dryRun: Bool
  /// The start time.
  package let started: Date
  /// The duration in seconds.
  package var seconds: Double
  /// The results of the lineages that were checked, sorted by name.
  package var certificates: [RenewalResult]
  /// The number of lineages that did not need a check.
  package var quiet: Int
  /// The time of the next renewal, if known.
  package var next: Date?
  /// The lineage of the next renewal.
  package var nextLineage: String?
  /// The results of the hooks.
  package var hooks: [HookResult]

  /// The exit code of the run.
  ///
  /// 0 if all is well, 1 if something failed or cannot wait any longer, 75 if everything that
  /// failed is tried again later.
  package var exitCode: Int32 {
    let codes = certificates.map(\.exitCode) + hooks.map { $0.succeeded ? 0 : 1 }
    return codes.contains(1) ? 1 : codes.contains(75) ? 75 : 0
  }
}
