import CertctlBase
import CertctlCore
import CertctlServing
import CertctlStore
import CertctlSystem
import Logging

/// Finds who uses a certificate, for a person who looks at it; what cannot be found out stays unknown.
struct UseFinder: ContextPart {
  let context: Context
  /// How long the nginx that run may take to answer together.
  ///
  /// One that waits for the DNS answers late, and a look must not wait for it.
  var patience = Duration.seconds(5)

  /// Adds the sites and the nginx that use a certificate.
  ///
  /// - Throws: `CancellationError`; what else fails goes to the log.
  func find(_ name: LineageName, _ report: inout LineageReport) async throws {
    switch try await attempt({ try await siteStore.all() }) {
    case .success(let records):
      report.sites = records.filter { $0.site.certificate == name.value }
        .map { .init(name: $0.site.name, isEnabled: $0.isEnabled) }
    case .failure(let error):
      console.logger.info("cannot tell which sites use \(name): \(error.message)")
    }
    switch try await attempt({ try await nginxUses(of: name) }) {
    case .success(let uses?):
      report.nginx = uses
      report.usedByNginx = !uses.isEmpty
    case .success(nil): break
    case .failure(let error):
      console.logger.info("cannot tell whether nginx uses \(name): \(error.message)")
    }
  }

  /// The nginx that use it; nil where none runs, as far as can be seen from here.
  private func nginxUses(of name: LineageName) async throws -> [LineageReport.NginxUse]? {
    let quiet = Self.quiet(context)
    return try await withThrowingTaskGroup(of: [LineageReport.NginxUse]?.self) { [patience] group in
      group.addTask { try await Self(context: quiet).survey(name) }
      group.addTask {
        try await Task.sleep(for: patience)
        throw CertctlError(.tryLater, "nginx did not answer within \(patience)")
      }
      defer { group.cancelAll() }
      return try await group.next() ?? nil
    }
  }

  /// A context whose warnings go to the log: they are about nginx, and not about the certificate.
  private static func quiet(_ context: Context) -> Context {
    var environment = context.environment
    let logger = environment.console.logger
    environment.console.warn = { logger.info("\($0)") }
    return context.with(environment)
  }

  private func survey(_ name: LineageName) async throws -> [LineageReport.NginxUse]? {
    let targets = try await deployer.targets([name])
    guard let target = targets.first else { return nil }
    let deployment = try await deployer.nginxDeployment()
    let survey = try await deployment.survey()
    let all = await deployment.uses(of: targets, in: survey)
    let uses = all.filter { !$0.servers.isEmpty }.map { use in
      LineageReport.NginxUse(
        pid: use.nginx.pid, executable: use.nginx.executable, unit: use.nginx.unit,
        container: use.nginx.container?.name,
        addresses: Set((use.servers[name] ?? []).flatMap(\.listens).map { "\($0.endpoint)" })
          .sorted())
    }
    guard uses.isEmpty else { return uses }
    if let unasked = await deployment.unasked(serving: target, in: survey) {
      throw CertctlError(.state, unasked.failure)
    }
    return all.isEmpty ? nil : []
  }
}
