package import CertctlCore
package import CertctlStore
package import FoundationEssentials

/// What a run of `renew` is to do.
package struct RenewRequest: Sendable {
  /// The lineages; all when there is none.
  package var names: [LineageName]
  /// Renew although nothing is due.
  package var force: Bool
  /// Say what would happen, and ask no CA.
  package var dryRun: Bool
  /// How many orders at once at most; by default what the CAs stand.
  package var jobs: Int?
  /// Where figures for Prometheus go: an absolute path; by default that of the configuration.
  package var metricsFile: String?
  /// The version of the program that asks, for the figures.
  package var version: String

  /// A run over these lineages.
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

/// What a run did, or would do, for one lineage.
package struct RenewalResult: Encodable, Sendable {
  /// How it ended.
  package enum Outcome: String, Encodable, Sendable {
    /// There is a new certificate.
    case renewed
    /// Nothing was due.
    case unchanged
    /// It is due, and a dry run would have renewed it.
    case due
    /// It is due, and held back after failures.
    case held
    /// It is due, and a limit of the CA or its being out of reach put it off.
    case postponed
    /// Another process was at work on it.
    case locked
    /// It could not be renewed.
    case failed
  }

  /// The lineage.
  package let lineage: String
  /// How it ended.
  package var outcome: Outcome
  /// Why, in words.
  package var reason: String
  /// The names.
  package var names: [String] = []
  /// The names that the certificate had to be issued without.
  package var missingNames: [String]?
  /// When it is due, or tried again.
  package var next: Date?
  /// When the certificate in use ends.
  package var notAfter: Date?
  /// Whether the last quarter of its lifetime has begun, or it has expired.
  package var isUrgent = false
  /// What went wrong.
  package var error: ErrorDetail?
  /// Why servers could not be made to use the certificate.
  package var deploymentError: String?
  /// How many attempts failed in a row.
  package var failures: Int?

  /// All that is wrong, by the other fields.
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
      find(.warning, .namesMissing, "it is without \(missingNames.joined(separator: ", "))")
    }
    if let deploymentError {
      find(
        .error, .deploymentFailed, "not deployed: \(deploymentError)",
        hint: "the next run deploys it again")
    }
    if isUrgent, let notAfter {
      find(.error, .expiresSoon, "the certificate ends on \(notAfter.rfc3339)")
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

  /// The exit code that this one leads to.
  var exitCode: Int32 {
    if deploymentError != nil { return 1 }
    switch outcome {
    // An attempt that left names out failed as far as these are concerned.
    case .renewed: return missingNames == nil ? 0 : 1
    case .unchanged, .due: return 0
    case .held, .postponed, .locked: return isUrgent ? 1 : 75
    case .failed: return error?.isRetryable == true && !isUrgent ? 75 : 1
    }
  }
}

/// What a run of `renew` did.
package struct RenewReport: Encodable, Sendable {
  /// The version of the format.
  package let version = 1
  /// Whether it only said what would happen.
  package let dryRun: Bool
  /// When it began.
  package let started: Date
  /// How long it took, in seconds.
  package var seconds: Double
  /// The lineages that it looked at, by name.
  package var certificates: [RenewalResult]
  /// How many lineages it did not have to look at.
  package var quiet: Int
  /// When the next lineage is due, as far as is known.
  package var next: Date?
  /// Which one that is.
  package var nextLineage: String?
  /// What became of the hooks.
  package var hooks: [HookResult]

  /// The exit code of the run: 0 when all is well, 1 when something failed or can no longer wait,
  /// 75 when there is nothing but to try later.
  package var exitCode: Int32 {
    let codes = certificates.map(\.exitCode) + hooks.map { $0.succeeded ? 0 : 1 }
    return codes.contains(1) ? 1 : codes.contains(75) ? 75 : 0
  }
}
