import CertctlBase
import CertctlCore
import CertctlIssuing
import CertctlStore
import CertctlSystem

/// Renews what is due, deploys what is new, and tells hooks of it.
///
/// With nothing due, nothing to ask and nothing to deploy it makes no request. One lineage that
/// fails stops no other, and stands in the report with its reason.
///
/// - Throws: `CertctlError` when the run as a whole cannot be made, `notFound` when a lineage that
///   was named is not there; `CancellationError` after all that was presented is cleaned up.
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
            "node_exporter reads only files that end in .prom, unlike \(metrics)")
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
      // Of two state directories on one machine each file needs samples of its own.
      let place = state.path == "/var/lib/certctl" ? nil : state.path
      try await RenewalMetrics(
        reports: try await reporter.list(), run: run, version: version, stateDirectory: place
      ).write(to: path)
    }
  }
}
