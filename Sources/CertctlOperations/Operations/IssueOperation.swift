import ACME
import CertctlBase
import CertctlCore
import CertctlCrypto
import CertctlIssuing
import CertctlStore
import CertctlSystem
import FoundationEssentials
import Logging

/// Gets a new or changed certificate, or finds that nothing is due.
///
/// - Throws: `CertctlError`; or `CancellationError` when the task is cancelled, after all that
///   was presented is cleaned up.
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
        if !isDue { reason = "the order of an earlier run was brought to its end" }
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

    /// The lineage for the `pre` hooks; one that is new has only its names.
    private func dueReport(
      _ name: LineageName, _ known: Lineage?, _ settings: LineageSettings
    ) async throws -> LineageReport {
      if known != nil { return try await reporter.report(on: name) }
      return LineageReport(name: name.value, state: .missing, names: settings.names.map(\.value))
    }

    /// Makes the accounts at the spare CAs, so that they are there on the day they are needed.
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
            "there is no account at the spare CA \(word) yet: \(failure.message)"
              + (failure.hint.map { " (\($0))" } ?? ""))
        }
      }
    }

    /// Whether the certificate in use is in the last quarter of its lifetime, or past it.
    private func isUrgent(_ name: LineageName) async -> Bool {
      guard let report = try? await reporter.report(on: name), let notBefore = report.notBefore,
        let notAfter = report.notAfter
      else { return false }
      return RenewalSchedule.isUrgent(
        notBefore: notBefore, notAfter: notAfter, now: environment.clock.now())
    }

    // MARK: - Steps

    /// The lineage that the request is about: by name, by the first name, or by the same names.
    private func lineageName(for request: IssueRequest) async throws -> LineageName {
      if let name = request.lineage { return name }
      guard let first = request.names.first else {
        throw CertctlError(
          .usage, "no name was given", hint: "for example: certctl issue example.com")
      }
      let natural = try LineageName(from: first)
      if try await lineages.lineage(natural) != nil { return natural }
      let wanted = Set(request.names)
      for name in try await lineages.names() {
        // A damaged neighbour is that lineage's problem, not this one's.
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
      // What is still there is of no use: an order that is gone at the CA, or a key without one.
      try await PendingStore(state: state).discard(name)
      if var lineage = known, lineage.settings != settings {
        // A new webroot or group concerns the next renewal, not the certificate.
        lineage.settings = settings
        try await context.save(lineage)
      }
      // What a run that was cut short got, and did not put to use.
      let isWaiting = try await lineages.lineage(name)?.candidate != nil
      let hooks = isWaiting ? try await deployer.deploy(name).hooks : []
      return IssueReport(
        outcome: .unchanged, reason: reason, certificate: try await reporter.report(on: name),
        directory: directory, hooks: hooks.isEmpty ? nil : hooks)
    }
  }
}

extension LineageSettings {
  /// Refuses settings without a name that the certificate in use has.
  ///
  /// - Throws: `CertctlError` with code `refused`.
  func requireNames(of issued: LineageSettings) throws {
    let missing = issued.names.filter { !names.contains($0) }
    guard !missing.isEmpty else { return }
    throw CertctlError(
      .refused,
      "the certificate in use also covers \(missing.map(\.value).joined(separator: ", ")), "
        + "which the new one would not",
      hint: "name them too, or give --force to drop them, or another --name for a second one")
  }
}

extension RenewalDecision {
  /// Whether a person who asks for the certificate gets a new one.
  ///
  /// Failures hold back the timer, and not somebody who has just mended their cause. A clock or a CA
  /// that is wrong holds back both.
  var isForPerson: Bool {
    if case .held(_, _, .haste) = self { false } else { isDue }
  }

  /// The decision for a person who asked for the certificate.
  fileprivate func words(_ current: IssuedCertificate?) -> String {
    switch (self, current) {
    case (.at(let instant, _), let current?):
      "the certificate in use is good until \(current.firstDue.notAfter.rfc3339) "
        + "and due on \(instant.rfc3339)"
    case (.held(_, _, .haste), _): description
    default:
      reason.isScheduled ? "the certificate in use is due: \(reason)" : "\(reason)"
    }
  }
}
