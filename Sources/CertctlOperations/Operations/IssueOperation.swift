import ACME
import CertctlBase
import CertctlCore
import CertctlCrypto
import CertctlIssuing
import CertctlStore
import CertctlSystem
import FoundationEssentials
import Logging

/// An operation that issues a new or changed certificate, if one is due.
///
/// - Throws: `CertctlError`; `CancellationError` if the task is cancelled, after all challenges are
///   cleaned up.
package struct IssueOperation: Operation {
  package var request: IssueRequest

  package init(_ request: IssueRequest) {
    self.request = request
  }

  package func run(in context: Context) async throws -> IssueReport {
    try await Run(context: context).issue(request)
  }

  private struct Run: ContextPart {
    let context: Context

    func issue(_ request: IssueRequest) async throws -> IssueReport {
      let request = request.withNames()
      let name = try await lineageName(for: request)
      try await settingsCheck.check(request, as: name)
      return try await context.withLineage(name) {
        switch try await attempt({ try await issue(request, as: name) }) {
        case .success(let report): return report
        case .failure(let error): throw await isUrgent(name) ? error.urgent() : error
        }
      }
    }

    private func issue(_ request: IssueRequest, as name: LineageName) async throws -> IssueReport {
      let known = try await lineages.lineage(name)
      let settings = try settingsCheck.settings(for: request, known, of: name)
      let authority = try CertificateAuthority.named(settings.authorities[0])
      try await journal.cleanJournal(name, known?.settings.challenge ?? settings.challenge)

      let current = try await certificatesInUse.currentCertificate(
        name, mayBeDamaged: request.force)
      let directory = try self.directory(of: authority, settings, dryRun: request.dryRun)
      let isForced = request.force || request.dryRun
      if !isForced, let issued = known?.issuance?.settings, current != nil {
        try settings.requireNames(of: issued)
      }
      let decision = RenewalDecision(
        of: known, current?.leaves, wanting: settings, now: environment.clock.now())
      let isDue = isForced || decision.isForPerson
      var reason = isForced && current != nil ? "--force was given" : decision.words(current)
      if !isDue, try await !certificatesInUse.isOrderUnderWay(name) {
        return try await unchanged(name, known, settings, reason, directory)
      }
      let acquisition = CertificateAcquirer(
        context: context,
        sessions: CASessionPool(
          context, registration: accountDesk.completed(request.registration)),
        name: name, known: known, settings: settings, current: current,
        reason: isForced ? nil : decision.reason, mayOrder: isDue, heedsLimits: !request.force)
      if request.dryRun {
        try await acquisition.dryRun(at: directory, authority: authority)
        return IssueReport(
          outcome: .validated, reason: "all names can be validated",
          certificate: known == nil ? nil : try await reporter.report(on: name),
          directory: directory)
      }
      let (isIssued, hooks) = try await withHooks(
        due: [try await dueReport(name, known, settings)]
      ) {
        guard try await acquisition.run() else { return (false, []) }
        return (true, try await deployer.deploy(name).hooks)
      } occasion: { result in
        let reports = ((try? await reporter.report(on: name)).map { [$0] }) ?? []
        switch result {
        case .success(true): return .post(renewed: reports, failed: [])
        case .success(false): return .post(renewed: [], failed: [])
        case .failure: return .post(renewed: [], failed: reports)
        }
      }
      var report: IssueReport
      if isIssued {
        if !isDue { reason = "completed an order from an earlier run" }
        try await registerAhead(settings, acquisition.sessions)
        report = IssueReport(
          outcome: .issued, reason: reason, certificate: try await reporter.report(on: name),
          directory: directory)
      } else {
        report = try await unchanged(name, known, settings, reason, directory)
      }
      report.hooks = hooks.isEmpty ? nil : hooks
      return report
    }

    /// Returns the report for the `pre` hooks; that of a new lineage has only names.
    private func dueReport(
      _ name: LineageName, _ known: Lineage?, _ settings: LineageSettings
    ) async throws -> LineageReport {
      if known != nil { return try await reporter.report(on: name) }
      return LineageReport(name: name.value, state: .missing, names: settings.names.map(\.value))
    }

    /// Registers accounts at the fallback CAs before they are needed.
    private func registerAhead(
      _ settings: LineageSettings, _ sessions: CASessionPool
    ) async throws {
      for word in settings.authorities.dropFirst() {
        let registration = try await attempt {
          let directory = try CertificateAuthority.named(word).directory(for: settings.keyType)
          _ = try await sessions.account(
            at: directory, caBundle: settings.caBundle, isOnly: false)
        }
        if case .failure(let failure) = registration {
          console.warn(
            "cannot register at the fallback CA \(word): \(failure.message)"
              + (failure.hint.map { " (\($0))" } ?? ""))
        }
      }
    }

    /// Returns whether the certificate in use is in the last quarter of its lifetime, or expired.
    private func isUrgent(_ name: LineageName) async -> Bool {
      guard let report = try? await reporter.report(on: name), let notBefore = report.notBefore,
        let notAfter = report.notAfter
      else { return false }
      return RenewalSchedule.isUrgent(
        notBefore: notBefore, notAfter: notAfter, now: environment.clock.now())
    }

    // MARK: - Steps

    /// Returns the lineage of the request: by its name, its first name, or the same names.
    private func lineageName(for request: IssueRequest) async throws -> LineageName {
      if let name = request.lineage { return name }
      guard let first = request.names.first else {
        throw CertctlError(
          .usage, "no name was given", hint: "add a name, for example: certctl issue example.com")
      }
      let natural = try LineageName(from: first)
      if try await lineages.lineage(natural) != nil { return natural }
      let wanted = Set(request.names)
      for name in try await lineages.names() {
        // Skip a damaged lineage: it does not concern this request.
        guard let other = try? await lineages.lineage(name) else { continue }
        if Set(other.settings.names) == wanted { return name }
      }
      return natural
    }

    private func directory(
      of authority: CertificateAuthority, _ settings: LineageSettings, dryRun: Bool
    ) throws -> String {
      guard dryRun, let stand = authority.dryRun else {
        return authority.directory(for: settings.keyType)
      }
      return try CertificateAuthority.named(stand).directory(for: settings.keyType)
    }

    private func unchanged(
      _ name: LineageName, _ known: Lineage?, _ settings: LineageSettings, _ reason: String,
      _ directory: String
    ) async throws -> IssueReport {
      // Discard an order that no longer exists at the CA, or a key without an order.
      try await PendingStore(state: state).discard(name)
      if var lineage = known, lineage.settings != settings {
        // A new webroot or group applies to the next renewal, not to the certificate.
        lineage.settings = settings
        try await context.save(lineage)
      }
      // An interrupted run may have left a certificate that is not deployed yet.
      let isWaiting = try await lineages.lineage(name)?.candidate != nil
      let hooks = isWaiting ? try await deployer.deploy(name).hooks : []
      return IssueReport(
        outcome: .unchanged, reason: reason, certificate: try await reporter.report(on: name),
        directory: directory, hooks: hooks.isEmpty ? nil : hooks)
    }
  }
}

extension LineageSettings {
  /// Throws if these settings lack a name of the certificate in use.
  ///
  /// - Throws: `CertctlError` with code `refused`.
  func requireNames(of issued: LineageSettings) throws {
    let missing = issued.names.filter { !names.contains($0) }
    guard !missing.isEmpty else { return }
    throw CertctlError(
      .refused,
      "the new certificate would no longer cover "
        + missing.map(\.value).joined(separator: ", "),
      hint: "add these names, or use --force to drop them or --name for a separate certificate")
  }
}

extension RenewalDecision {
  /// Whether `issue`, run by a person, gets a new certificate.
  ///
  /// Failures postpone the timer, but not a person who may have just fixed the cause. A wrong clock
  /// or CA postpones both.
  var isForPerson: Bool {
    if case .held(_, _, .haste) = self { false } else { isDue }
  }

  /// Returns the decision in words, for the person who ran `issue`.
  fileprivate func words(_ current: IssuedCertificate?) -> String {
    switch (self, current) {
    case (.at(let instant, _), let current?):
      "the certificate is valid until \(current.firstDue.notAfter.rfc3339) "
        + "and due for renewal on \(instant.rfc3339)"
    case (.held(_, _, .haste), _): description
    default:
      reason.isScheduled ? "the certificate is due for renewal: \(reason)" : "\(reason)"
    }
  }
}
