import CertctlStore
package import FoundationEssentials

/// The Prometheus metrics of a run of `renew`, a file for node_exporter's textfile collector.
///
/// The file covers all lineages, due or not. Each run replaces it, so deleted lineages disappear.
/// Names follow the conventions for exporters: base units, dates as seconds since 1970
/// (`_timestamp_seconds`), `_info` with the value 1, one series for each state.
package struct RenewalMetrics: Sendable {
  /// The summary of a run.
  package struct Run: Sendable {
    /// The end time.
    package var ended: Date
    /// The duration in seconds.
    package var duration: TimeInterval
    /// Whether nothing failed; postponed renewals are not failures (exit codes 0 and 75).
    package var succeeded: Bool

    /// Creates a summary.
    package init(ended: Date, duration: TimeInterval, succeeded: Bool) {
      self.ended = ended
      self.duration = duration
      self.succeeded = succeeded
    }
  }

  /// The lineages after the run.
  package var reports: [LineageReport]
  /// The run.
  package var run: Run
  /// The version of certctl.
  package var version: String
  /// The labels of every sample, which distinguish the files of several state directories.
  ///
  /// node_exporter rejects samples with the same name and labels.
  package var labels: [(name: String, value: String)] = []

  /// Creates the metrics of a run.
  ///
  /// - Parameters:
  ///   - reports: All lineages, after the run.
  ///   - run: The run.
  ///   - version: The version of certctl.
  ///   - stateDirectory: The state directory for a label; nil for the default one.
  package init(
    reports: [LineageReport], run: Run, version: String, stateDirectory: String? = nil
  ) {
    self.reports = reports
    self.run = run
    self.version = version
    if let stateDirectory { labels = [("state_directory", stateDirectory)] }
  }

  /// The metrics in the text format of Prometheus.
  package func text() -> String {
    (runFamilies + certificateFamilies + renewalFamilies + stateFamilies).map(\.text).joined()
  }

  // MARK: - The run

  private var runFamilies: [MetricFamily] {
    var build = MetricFamily("certctl_build_info", "Version of certctl; always 1.")
    build.add(1, labels + [("version", version)])
    var ended = MetricFamily(
      "certctl_renew_last_run_timestamp_seconds", "End of the last certctl renew.")
    ended.add(run.ended, labels)
    var duration = MetricFamily(
      "certctl_renew_last_run_duration_seconds", "Duration of the last certctl renew.")
    duration.add(run.duration, labels)
    var success = MetricFamily(
      "certctl_renew_last_run_success", "1 if nothing failed in the last certctl renew, else 0.")
    success.add(run.succeeded ? 1 : 0, labels)
    var counts = MetricFamily("certctl_lineages", "Number of certificates in each state.")
    let byState = Dictionary(grouping: reports, by: \.state).mapValues(\.count)
    for state in LineageReport.State.allCases {
      counts.add(Double(byState[state] ?? 0), labels + [("state", state.rawValue)])
    }
    return [build, ended, duration, success, counts]
  }

  // MARK: - Each lineage

  private var certificateFamilies: [MetricFamily] {
    var info = MetricFamily("certctl_certificate_info", "Certificate in use; always 1.")
    for report in reports where report.sha256 != nil {
      let facts: [(name: String, value: String?)] = [
        ("authority", report.directoryURL ?? report.authority), ("issuer", report.issuer),
        ("serial", report.serial), ("sha256", report.sha256),
      ]
      info.add(1, about(report) + facts.compactMap { fact in fact.value.map { (fact.name, $0) } })
    }
    return [info] + instants(Self.certificateInstants)
  }

  private var renewalFamilies: [MetricFamily] {
    var failures = MetricFamily(
      "certctl_renewal_consecutive_failures",
      "Number of consecutive failed renewal attempts.")
    for report in reports { failures.add(Double(report.failures ?? 0), about(report)) }
    return instants(Self.renewalInstants) + [failures]
  }

  private typealias Instant = (name: String, help: String, value: (LineageReport) -> Date?)

  private static var certificateInstants: [Instant] {
    [
      (
        "certctl_certificate_not_before_timestamp_seconds",
        "Start of validity of the certificate in use.", { $0.notBefore }
      ),
      (
        "certctl_certificate_not_after_timestamp_seconds",
        "Expiry of the certificate in use.", { $0.notAfter }
      ),
    ]
  }

  private static var renewalInstants: [Instant] {
    [
      (
        "certctl_renewal_timestamp_seconds", "Next renewal of the certificate.",
        { $0.renewAt }
      ),
      (
        "certctl_renewal_window_start_timestamp_seconds",
        "Start of the renewal window suggested by the CA (RFC 9773).",
        { $0.suggestion?.start }
      ),
      (
        "certctl_renewal_window_end_timestamp_seconds",
        "End of the renewal window suggested by the CA (RFC 9773).",
        { $0.suggestion?.end }
      ),
      (
        "certctl_renewal_last_success_timestamp_seconds",
        "Issuance of the certificate in use.", { $0.obtained }
      ),
      (
        "certctl_renewal_last_failure_timestamp_seconds",
        "Last failed renewal attempt since the last success.",
        { $0.lastFailure?.date }
      ),
    ]
  }

  private var stateFamilies: [MetricFamily] {
    var states = MetricFamily(
      "certctl_lineage_state", "1 for the current state of the certificate, else 0.")
    var deployments = MetricFamily(
      "certctl_deployment_state",
      "1 for the current deployment state of the certificate in use, else 0.")
    let all = LineageReport.State.allCases.map(\.rawValue)
    let allDeployments = Deployment.Progress.allCases.map(\.rawValue)
    for report in reports {
      states.add(report.state.rawValue, of: all, about(report))
      guard let deployment = report.deployment else { continue }
      deployments.add(deployment.rawValue, of: allDeployments, about(report))
    }
    return [states, deployments]
  }

  private func instants(_ all: [Instant]) -> [MetricFamily] {
    all.map { instant in
      var family = MetricFamily(instant.name, instant.help)
      for report in reports { family.add(instant.value(report), about(report)) }
      return family
    }
  }

  private func about(_ report: LineageReport) -> [(name: String, value: String)] {
    labels + [("lineage", report.name)]
  }
}
