import CertctlBase
package import CertctlCore
import CertctlCrypto
import CertctlServing
import CertctlStore
import CertctlSystem

/// An nginx as reported by `nginx status`.
package struct NginxReport: Encodable, Sendable {
  /// A certificate of certctl that nginx uses.
  package struct Use: Encodable, Sendable {
    /// The lineage.
    package let lineage: String
    /// The addresses, such as "192.0.2.1:443".
    package let addresses: [String]
    /// The reason why one of them does not serve the certificate in use; nil if all do.
    package var problem: String?
  }

  /// The process ID of its master process.
  package let pid: Int32
  /// The path of its executable.
  package let executable: String
  /// The systemd unit that runs it.
  package let unit: String?
  /// The container that it runs in; nil on this host.
  package let container: String?
  /// The error of its configuration or of the reload; nil if all is well.
  package var problem: String? { fault?.message }
  /// The problem as a finding.
  package var fault: Finding?
  /// The certificates of certctl that it uses, by lineage.
  package var certificates: [Use]

  /// Creates the report of an nginx of this user that was left alone.
  init(_ refused: RefusedNginx) {
    pid = refused.process.pid
    executable = RunningNginx(refused.process)?.executable ?? ""
    unit = refused.process.unit
    container = nil
    fault = Finding(
      .error, .nginxNotAsked, subject: executable, refused.failure, hint: refused.hint)
    certificates = []
  }

  init(_ nginx: RunningNginx, certificates: [Use]) {
    pid = nginx.pid
    executable = nginx.executable
    unit = nginx.unit
    container = nginx.container?.name
    self.certificates = certificates
  }

  /// Whether its configuration is valid and its certificates are served.
  package var isWell: Bool { findings.isEmpty }

  /// The findings for it and its certificates.
  package var findings: [Finding] {
    (fault.map { [$0] } ?? []) + certificates.compactMap(\.finding)
  }

  private enum Key: CodingKey {
    case pid, executable, unit, container, problem, certificates, findings
  }

  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: Key.self)
    try fields.encode(pid, forKey: .pid)
    try fields.encode(executable, forKey: .executable)
    try fields.encodeIfPresent(unit, forKey: .unit)
    try fields.encodeIfPresent(container, forKey: .container)
    try fields.encodeIfPresent(problem, forKey: .problem)
    try fields.encode(certificates, forKey: .certificates)
    try fields.encode(findings, forKey: .findings)
  }
}

extension NginxReport.Use {
  /// The finding for a certificate that is not served.
  package var finding: Finding? {
    problem.map { Finding(.error, .notServed, subject: lineage, "not served: \($0)") }
  }
}

/// An operation that tests or reloads each nginx of this host, and verifies what it serves.
///
/// - Returns: Each nginx of this user; for root, of all users.
/// - Throws: `CertctlError` with code `notFound` if none runs, `locked` if another process
///   deploys; `CancellationError`.
package struct NginxOperation: Operation {
  package var action: Action

  /// An action for each nginx of this host.
  package enum Action: Sendable {
    /// Test the configuration.
    case test
    /// Test it, and verify what is served.
    case status
    /// Test it, reload it, and verify what is served.
    case reload
  }

  package init(_ action: Action) {
    self.action = action
  }

  package func run(in context: Context) async throws -> [NginxReport] {
    try await Run(context: context).nginx(action)
  }

  private struct Run: ContextPart {
    let context: Context

    func nginx(_ action: Action) async throws -> [NginxReport] {
      // A placeholder can be in use without a lineage.
      let names = try await Set(lineages.names() + certificates.linkedNames())
        .sorted { $0.value < $1.value }
      let targets = try await deployer.targets(names)
      let deployment = try await deployer.nginxDeployment()
      let survey = try await deployment.survey()
      let uses = await deployment.uses(of: targets, in: survey)
      guard !uses.isEmpty || !survey.unasked.isEmpty else {
        throw CertctlError(
          .notFound, "no nginx runs on this host that this user can control",
          hint: "start nginx, or run certctl as root")
      }
      for sentence in survey.places.flatMap(\.nginx.foreignFiles) {
        console.warn(sentence)
      }
      var reports = survey.unasked.map(NginxReport.init)
      for use in uses {
        reports.append(try await report(on: use, targets, action))
      }
      return reports
    }

    private func report(
      on use: NginxDeployment.Use, _ targets: [NginxDeployment.Target], _ action: Action
    ) async throws -> NginxReport {
      let concerned = targets.filter { use.servers[$0.name] != nil }
      var report = NginxReport(
        use.nginx,
        certificates: concerned.map { target in
          let listens = (use.servers[target.name] ?? []).flatMap(\.listens)
          return .init(
            lineage: target.name.value,
            addresses: Set(listens.map { "\($0.endpoint)" }).sorted())
        })
      switch action {
      case .test: report.fault = try await refusal(by: use.nginx)
      case .reload:
        let lock = try await context.deploymentLock()
        defer { lock.release() }
        report.fault = try await NginxControl(environment: environment).reload(use.nginx)
          .map { Finding(.error, .reloadFailed, subject: report.executable, $0) }
        guard report.fault == nil else { return report }
        let failures = try await CertificateProof(environment: environment)
          .failures(of: concerned, by: use)
        for (index, target) in concerned.enumerated() {
          report.certificates[index].problem = failures[target.name]
        }
      case .status:
        report.fault = try await refusal(by: use.nginx)
        for (index, target) in concerned.enumerated() {
          report.certificates[index].problem = try await fault(of: target, by: use)
        }
      }
      return report
    }

    /// Returns the finding for a configuration that nginx rejects.
    private func refusal(by nginx: RunningNginx) async throws -> Finding? {
      try await NginxControl(environment: environment).test(nginx)
        .map { Finding(.error, .configurationRefused, subject: nginx.executable, $0) }
    }

    /// Returns why an address does not serve the target now; does not wait.
    private func fault(
      of target: NginxDeployment.Target, by use: NginxDeployment.Use
    ) async throws -> String? {
      if target.leaves.contains(where: \.isPlaceholder) {
        return "it is a placeholder, not trusted by clients"
      }
      let proof = CertificateProof(environment: environment)
      for server in use.servers[target.name] ?? [] {
        guard let name = server.probeName(for: target) else { continue }
        for listen in server.listens {
          if let fault = try await proof.fault(of: target, at: listen, for: name, of: use.nginx) {
            return fault
          }
        }
      }
      return nil
    }
  }
}
