import CertctlStore
package import FoundationEssentials

/// What a run of `renew` leaves for Prometheus: a file for the textfile collector of node_exporter.
///
/// The file is about all lineages, also those that were not due, and each run writes it anew: what
/// was deleted is gone. Names follow the conventions of exporters: base units, instants as seconds
/// since 1970 (`_timestamp_seconds`), `_info` with the value 1, states as one series each.
package struct RenewalMetrics: Sendable {
  /// What there is to say of a run as a whole.
  package struct Run: Sendable {
    /// When it ended.
    package var ended: Date
    /// How long it took, in seconds.
    package var duration: TimeInterval
    /// Whether nothing failed; what waits for a better time is no failure (exit codes 0 and 75).
    package var succeeded: Bool

    /// Makes a summary.
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
  /// Labels of every sample: what tells this file from another one in the same folder.
  ///
  /// Two state directories on one machine would otherwise have samples of the same name and labels,
  /// which node_exporter refuses.
  package var labels: [(name: String, value: String)] = []

  /// Makes the metrics of a run.
  ///
  /// - Parameters:
  ///   - reports: All lineages, after the run.
  ///   - run: The run.
  ///   - version: The version of certctl.
  ///   - stateDirectory: The state directory, to be named in a label; nil for the usual one.
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
    var build = MetricFamily("certctl_build_info", "The version of certctl; always 1.")
    build.add(1, labels + [("version", version)])
    var ended = MetricFamily(
      "certctl_renew_last_run_timestamp_seconds", "When certctl renew last ended.")
    ended.add(run.ended, labels)
    var duration = MetricFamily(
      "certctl_renew_last_run_duration_seconds", "How long the last certctl renew took.")
    duration.add(run.duration, labels)
    var success = MetricFamily(
      "certctl_renew_last_run_success", "Whether nothing failed in the last certctl renew.")
    success.add(run.succeeded ? 1 : 0, labels)
    var counts = MetricFamily("certctl_lineages", "How many certificates are in each state.")
    let byState = Dictionary(grouping: reports, by: \.state).mapValues(\.count)
    for state in LineageReport.State.allCases {
      counts.add(Double(byState[state] ?? 0), labels + [("state", state.rawValue)])
    }
    return [build, ended, duration, success, counts]
  }

  // MARK: - Each lineage

  private var certificateFamilies: [MetricFamily] {
    var info = MetricFamily("certctl_certificate_info", "The certificate in use; always 1.")
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
      "How many attempts to renew failed in a row since the last success.")
    for report in reports { failures.add(Double(report.failures ?? 0), about(report)) }
    return instants(Self.renewalInstants) + [failures]
  }

  private typealias Instant = (name: String, help: String, value: (LineageReport) -> Date?)

  private static var certificateInstants: [Instant] {
    [
      (
        "certctl_certificate_not_before_timestamp_seconds",
        "When the certificate in use begins to be valid.", { $0.notBefore }
      ),
      (
        "certctl_certificate_not_after_timestamp_seconds",
        "When the certificate in use expires.", { $0.notAfter }
      ),
    ]
  }

  private static var renewalInstants: [Instant] {
    [
      (
        "certctl_renewal_timestamp_seconds", "When the certificate is to be renewed.",
        { $0.renewAt }
      ),
      (
        "certctl_renewal_window_start_timestamp_seconds",
        "Where the renewal window that the CA suggests begins (RFC 9773).",
        { $0.suggestion?.start }
      ),
      (
        "certctl_renewal_window_end_timestamp_seconds",
        "Where the renewal window that the CA suggests ends (RFC 9773).",
        { $0.suggestion?.end }
      ),
      (
        "certctl_renewal_last_success_timestamp_seconds",
        "When the certificate in use was obtained.", { $0.obtained }
      ),
      (
        "certctl_renewal_last_failure_timestamp_seconds",
        "When an attempt to renew last failed, unless one has succeeded since.",
        { $0.lastFailure?.date }
      ),
    ]
  }

  private var stateFamilies: [MetricFamily] {
    var states = MetricFamily(
      "certctl_lineage_state", "Whether the certificate is in this state.")
    var deployments = MetricFamily(
      "certctl_deployment_state",
      "Whether the deployment of the certificate in use is in this state.")
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
