import ACME
import CertctlBase
import CertctlCore
import CertctlIssuing
import CertctlStore
import FoundationEssentials
import Logging

/// One run over all lineages: look, renew what is due side by side, deploy, tell.
struct RenewalRun: ContextPart {
  let context: Context
  let request: RenewRequest
  let sessions: CASessionPool

  /// Runs.
  ///
  /// - Throws: `CertctlError` when the run as a whole cannot be made; what is wrong with one
  ///   lineage is part of the report. `CancellationError`.
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

  /// How many orders by the DNS at once: these wait for name servers most of the time, and all records
  /// are to be there before the waiting begins.
  static let mostByDNS = 50

  /// How many orders at once: what was asked for, or what the CAs stand.
  private func jobs(at directories: [String], byDNS: Int = 0) -> Int {
    request.jobs
      ?? max(
        directories.map { RateLimits.known(for: $0).concurrentMap }.min()
          ?? RateLimits.none.concurrentMap, min(byDNS, Self.mostByDNS))
  }

  // MARK: - Acting

  private func act(on plans: [RenewalStep.Plan], _ report: inout RenewReport) async throws {
    // The one that ends first comes first, in case that the run is cut short.
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
        // Later ones win.
        let all = Dictionary((looked + renewed).map { ($0.lineage, $0) }) { $1 }
        return try await deploy(names, all.values.sorted { $0.lineage < $1.lineage })
      } occasion: { result in
        await after(due.map(\.name.value), result)
      }
    }
    // Those that were due were told as they came.
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
    // An event for each line: one that a stranger wrote must not look like another.
    for line in result.lines { console.logger.log(level: result.logLevel, "\(line)") }
  }

  /// What the `post` hooks are told; after Ctrl-C, that all that was due failed.
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

  /// Deploys what is new, and what an earlier run could not deploy.
  private func deploy(
    _ names: [LineageName], _ results: [RenewalResult]
  ) async throws -> ([RenewalResult], hooks: [HookResult]) {
    var failures: [String: String] = [:]
    var hooks: [HookResult] = []
    var waiting: [LineageName] = []
    for name in names where try await deployer.needsDeployment(name) { waiting.append(name) }
    // Whoever holds the lock of one deploys what it gets.
    let outcomes = try await context.withFreeLineages(waiting) { free in
      switch try await attempt({ try await deployer.deploy(free) }) {
      case .success(let outcomes): return outcomes
      case .failure(let error) where error.code == .locked:
        // Another process deploys, for longer than the user waits: the next run sees to it.
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

  // MARK: - Telling

  /// Tells a person of each failure, and of each certificate that comes near its end.
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
  /// The result for the log, each line with the lineage.
  var lines: [String] {
    let words = error?.lines ?? [reason]
    let hint = error?.hint.map { ["hint: \($0)"] } ?? []
    return (["\(outcome.rawValue): \(words[0])"] + words.dropFirst() + hint).map {
      "\(lineage): \($0)"
    }
  }

  /// What a person is told of a failure.
  fileprivate var notice: String {
    var words = deploymentError ?? reason
    if outcome == .renewed, let missingNames {
      words = "renewed without \(missingNames.joined(separator: ", "))"
    }
    if let notAfter, isUrgent { words += " (the certificate ends on \(notAfter.rfc3339))" }
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
  /// The number with so many digits after the point.
  func rounded(toPlaces places: Int) -> Double {
    let factor = (0..<places).reduce(1.0) { factor, _ in factor * 10 }
    return (self * factor).rounded() / factor
  }
}
