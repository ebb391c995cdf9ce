import ACME
import CertctlBase
import CertctlCore
import CertctlIssuing
import CertctlStore
import FoundationEssentials
import Logging

/// A run over lineages that checks, renews and deploys them, and runs the hooks.
struct RenewalRun: ContextPart {
  let context: Context
  let request: RenewRequest
  let sessions: CASessionPool

  /// Performs the run.
  ///
  /// - Throws: `CertctlError` if the run as a whole fails; the failure of one lineage is part of
  ///   the report. `CancellationError`.
  func run() async throws -> RenewReport {
    let started = environment.clock.now()
    if !request.dryRun { try await deployer.recoverIfNeeded() }
    let survey = try await survey(now: started)
    let plans = try await concurrentMap(
      survey.near, limit: jobs(at: []), needs: { _ in Set<String>() }
    ) { try await step($0).look() }
    var report = RenewReport(
      dryRun: request.dryRun, started: started, seconds: 0,
      certificates: plans.map(\.result), quiet: survey.quiet, next: survey.next?.date,
      nextLineage: survey.next?.name, hooks: [])
    if !request.dryRun {
      try await act(on: plans, &report)
      try await sites.raiseHSTSMaxAge()
    }
    for result in report.certificates {
      guard let next = result.next, next > started else { continue }
      if report.next.map({ next < $0 }) ?? true {
        (report.next, report.nextLineage) = (next, result.lineage)
      }
    }
    report.seconds = environment.clock.now().timeIntervalSince(started).rounded(toPlaces: 3)
    return report
  }

  private func step(_ name: LineageName) -> RenewalStep {
    RenewalStep(context: context, request: request, sessions: sessions, name: name)
  }

  private func survey(now: Date) async throws -> RenewalSurvey {
    guard request.names.isEmpty, !request.force else {
      for name in request.names { try await reporter.requireLineage(name) }
      let names =
        request.names.isEmpty ? try await reporter.list().map(\.name) : request.names.map(\.value)
      return RenewalSurvey(near: try Set(names).sorted().map { try LineageName($0) })
    }
    return try await RenewalSurvey(context, now: now)
  }

  /// The maximum number of concurrent orders with DNS challenges.
  ///
  /// They mostly wait for name servers, and should publish all records before that wait.
  static let mostByDNS = 50

  /// Returns the number of concurrent orders: the requested one, or the CAs' known limit.
  private func jobs(at directories: [String], byDNS: Int = 0) -> Int {
    request.jobs
      ?? max(
        directories.map { RateLimits.known(for: $0).concurrentOrders }.min()
          ?? RateLimits.none.concurrentOrders, min(byDNS, Self.mostByDNS))
  }

  // MARK: - Acting

  private func act(on plans: [RenewalStep.Plan], _ report: inout RenewReport) async throws {
    // Earliest expiry first, in case the run is interrupted.
    let due = plans.filter(\.needsCertificate).sorted {
      ($0.result.notAfter ?? .distantPast) < ($1.result.notAfter ?? .distantPast)
    }
    let names = plans.map(\.name)
    let looked = report.certificates
    var hooks: [HookResult]
    if due.isEmpty {
      (report.certificates, hooks) = try await deploy(names, looked)
    } else {
      let due = due
      (report.certificates, hooks) = try await withHooks(
        due: try await reports(on: due.map(\.name.value))
      ) {
        let renewed = try await renew(due)
        // Later results win.
        let all = Dictionary((looked + renewed).map { ($0.lineage, $0) }) { $1 }
        return try await deploy(names, all.values.sorted { $0.lineage < $1.lineage })
      } occasion: { result in
        await after(due.map(\.name.value), result)
      }
    }
    // The results of due lineages were logged as they came.
    let told = Set(due.map(\.name.value))
    for result in report.certificates where !told.contains(result.lineage) && result.exitCode != 0 {
      self.log(result)
    }
    for result in report.certificates {
      guard let failure = result.deploymentError else { continue }
      console.logger.error("\(result.lineage): not deployed: \(failure)")
    }
    hooks += try await notify(report.certificates)
    report.hooks = hooks
  }

  private func renew(_ due: [RenewalStep.Plan]) async throws -> [RenewalResult] {
    try await concurrentMap(
      due, limit: jobs(at: due.compactMap(\.directory), byDNS: due.count(where: \.isByDNS)),
      needs: { Set($0.identifiers) }
    ) { plan in
      let result = try await step(plan.name).renew()
      log(result)
      return result
    }
  }

  private func log(_ result: RenewalResult) {
    // One log event per line: a CA's text must not look like another event.
    for line in result.lines { console.logger.log(level: result.logLevel, "\(line)") }
  }

  /// Returns the data for `post` hooks; after Ctrl-C all due lineages have failed.
  private func after(
    _ due: [String], _ result: Result<[RenewalResult], any Error>
  ) async -> HookOccasion {
    let results = ((try? result.get()) ?? []).filter { due.contains($0.lineage) }
    let good = results.filter { $0.outcome == .renewed }.map(\.lineage)
    let bad = due.filter { !good.contains($0) }
    return .post(
      renewed: (try? await reports(on: good)) ?? [], failed: (try? await reports(on: bad)) ?? [])
  }

  private func reports(on names: [String]) async throws -> [LineageReport] {
    var reports: [LineageReport] = []
    for name in names { reports.append(try await reporter.report(on: LineageName(name))) }
    return reports
  }

  /// Deploys new certificates, and those that an earlier run could not deploy.
  private func deploy(
    _ names: [LineageName], _ results: [RenewalResult]
  ) async throws -> ([RenewalResult], hooks: [HookResult]) {
    var failures: [String: String] = [:]
    var hooks: [HookResult] = []
    var waiting: [LineageName] = []
    for name in names where try await deployer.needsDeployment(name) { waiting.append(name) }
    // A process that holds a lineage's lock deploys that lineage itself.
    let outcomes = try await context.withFreeLineages(waiting) { free in
      switch try await attempt({ try await deployer.deploy(free) }) {
      case .success(let outcomes): return outcomes
      case .failure(let error) where error.code == .locked:
        // Another process is still deploying; the next run will retry.
        console.warn(error.message)
        return [:]
      case .failure(let error):
        return Dictionary(
          free.map { ($0, DeploymentOutcome(failure: error.message)) }
        ) { $1 }
      }
    }
    for name in waiting {
      guard let outcome = outcomes[name] else { continue }
      hooks += outcome.hooks
      failures[name.value] = outcome.failure
    }
    let deployed = results.map { result in
      var result = result
      result.deploymentError = failures[result.lineage]
      return result
    }
    return (deployed, hooks)
  }

  // MARK: - Notifying

  /// Runs the `notify` hooks for each failure and each certificate that is about to expire.
  private func notify(_ results: [RenewalResult]) async throws -> [HookResult] {
    let hooks = context.hooks
    var told: [HookResult] = []
    for result in results where result.exitCode == 1 {
      var notice = HookNotice(
        reason: .failed,
        message: result.notice, lineage: result.lineage, names: result.names,
        notAfter: result.notAfter, attempts: result.failures)
      if result.isUrgent, result.outcome != .renewed { notice.reason = .expiring }
      told += try await hooks.run(.notify(notice))
    }
    return told
  }
}

extension RenewalResult {
  /// The lines for the log, each with the lineage's name.
  var lines: [String] {
    let words = error?.lines ?? [reason]
    let hint = error?.hint.map { ["hint: \($0)"] } ?? []
    return (["\(outcome.rawValue): \(words[0])"] + words.dropFirst() + hint).map {
      "\(lineage): \($0)"
    }
  }

  /// The message for the `notify` hooks.
  fileprivate var notice: String {
    var words = deploymentError ?? reason
    if outcome == .renewed, let missingNames {
      words = "renewed without \(missingNames.joined(separator: ", "))"
    }
    if let notAfter, isUrgent { words += " (the certificate expires on \(notAfter.rfc3339))" }
    return words
  }

  fileprivate var logLevel: Logger.Level {
    switch exitCode {
    case 0: .info
    case 75: .notice
    default: .error
    }
  }
}

extension Double {
  /// Returns the number rounded to this many decimal places.
  func rounded(toPlaces places: Int) -> Double {
    let factor = (0..<places).reduce(1.0) { factor, _ in factor * 10 }
    return (self * factor).rounded() / factor
  }
}
