import CertctlBase
import CertctlCore
import CertctlIssuing
import CertctlStore
import CertctlSystem

/// An operation that renews due certificates, deploys them and runs the hooks.
///
/// It makes no request if there is nothing to renew, to deploy or to ask a CA. A lineage that fails
/// does not stop the others; the reason is in the report.
///
/// - Throws: `CertctlError` if the run as a whole fails, with code `notFound` if a requested
///   lineage does not exist; `CancellationError` after all challenges are cleaned up.
package struct RenewOperation: Operation {
  package var request: RenewRequest

  package init(_ request: RenewRequest = .init()) {
    self.request = request
  }

  package func run(in context: Context) async throws -> RenewReport {
    try await Run(context: context).renew(request)
  }

  private struct Run: ContextPart {
    let context: Context

    func renew(_ request: RenewRequest) async throws -> RenewReport {
      let metrics = request.dryRun ? nil : request.metricsFile ?? context.defaults.metricsFile
      if let metrics {
        try await RenewalMetrics.check(metrics)
        if !RenewalMetrics.isCollected(metrics) {
          console.warn(
            "node_exporter ignores \(metrics): its name does not end in .prom")
        }
      }
      let sessions = CASessionPool(context, registration: accountDesk.completed(.init()))
      let report = try await RenewalRun(context: context, request: request, sessions: sessions)
        .run()
      if let metrics { try await write(report, to: metrics, version: request.version) }
      return report
    }

    private func write(_ report: RenewReport, to path: String, version: String) async throws {
      let run = RenewalMetrics.Run(
        ended: environment.clock.now(), duration: report.seconds, succeeded: report.exitCode != 1)
      // A label distinguishes the files of several state directories on one machine.
      let place = state.path == "/var/lib/certctl" ? nil : state.path
      try await RenewalMetrics(
        reports: try await reporter.list(), run: run, version: version, stateDirectory: place
      ).write(to: path)
    }
  }
}
