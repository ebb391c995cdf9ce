import ACME
import CertctlBase
import FoundationEssentials
import Logging
import PKI

extension Manager {
  /// Gets a new or changed certificate, or finds that nothing is due.
  ///
  /// - Throws: `CertctlError`; or `CancellationError` when the task is cancelled, after all that
  ///   was presented is retracted.
  public func issue(_ request: IssueRequest) async throws -> IssueReport {
    do {
      let request = request.withNames()
      let name = try await lineageName(for: request)
      try await check(request, as: name)
      return try await withLineage(name) {
        do {
          return try await issue(request, as: name)
        } catch {
          if error is CancellationError { throw error }
          throw await isUrgent(name) ? CertctlError(wrapping: error).urgent() : error
        }
      }
    } catch let error as CancellationError {
      throw error
    } catch {
      throw CertctlError(wrapping: error)
    }
  }

  private func issue(_ request: IssueRequest, as name: LineageName) async throws -> IssueReport {
    let known = try await Blocking.run { try lineages.lineage(name) }
    let settings = try settings(for: request, known, of: name)
    let authority = try CertificateAuthority.named(settings.authorities[0])
    try await cleanJournal(name, known?.settings.challenge ?? settings.challenge)

    let current = try await currentCertificate(name, mayBeDamaged: request.force)
    let plan = try IssuePlan(
      settings: settings, issued: known?.issuance?.settings, leaf: current?.firstDue,
      isRevoked: known?.isRevoked(current?.leaf) ?? false, force: request.force || request.dryRun,
      now: services.clock.now())
    let directory = try self.directory(of: authority, settings, dryRun: request.dryRun)
    var reason: String
    let isDue: Bool
    switch plan {
    case .nothing(let why):
      guard try await isOrderUnderWay(name) else {
        return try await unchanged(name, known, settings, why, directory)
      }
      (reason, isDue) = (why, false)
    case .issue(let why): (reason, isDue) = (why, true)
    }
    let acquisition = Acquisition(
      manager: self,
      sessions: AuthoritySessions(self, registration: completed(request.registration)),
      name: name, known: known, settings: settings, current: current, mayOrder: isDue,
      heedsLimits: !request.force)
    if request.dryRun {
      try await acquisition.rehearse(at: directory, authority: authority)
      return IssueReport(
        outcome: .validated, reason: "all names can be validated",
        certificate: known == nil ? nil : try await report(on: name), directory: directory)
    }
    let log = HookLog()
    let isIssued = try await withHooks(due: [try await dueReport(name, known, settings)], log) {
      guard try await acquisition.run() else { return false }
      log.add(try await deploy(name).hooks)
      return true
    } occasion: { result in
      let reports = ((try? await self.report(on: name)).map { [$0] }) ?? []
      switch result {
      case .success(true): return .post(renewed: reports, failed: [])
      case .success(false): return .post(renewed: [], failed: [])
      case .failure: return .post(renewed: [], failed: reports)
      }
    }
    var report: IssueReport
    if isIssued {
      if !isDue { reason = "the order of an earlier run was brought to its end" }
      await registerAhead(settings, acquisition.sessions)
      report = IssueReport(
        outcome: .issued, reason: reason, certificate: try await self.report(on: name),
        directory: directory)
    } else {
      report = try await unchanged(name, known, settings, reason, directory)
    }
    report.hooks = log.results.isEmpty ? nil : log.results
    return report
  }

  /// The lineage for the `pre` hooks; one that is new has only its names.
  private func dueReport(
    _ name: LineageName, _ known: Lineage?, _ settings: LineageSettings
  ) async throws -> LineageReport {
    if known != nil { return try await report(on: name) }
    return LineageReport(name: name.value, state: .missing, names: settings.names.map(\.value))
  }

  /// Makes the accounts at the spare CAs, so that they are there on the day they are needed.
  private func registerAhead(_ settings: LineageSettings, _ sessions: AuthoritySessions) async {
    for word in settings.authorities.dropFirst() {
      do {
        let directory = try CertificateAuthority.named(word).directory(for: settings.keyType)
        _ = try await sessions.account(
          at: directory, caBundle: settings.caBundle, isOnly: false)
      } catch {
        let failure = CertctlError(wrapping: error)
        services.warn(
          "there is no account at the spare CA \(word) yet: \(failure.message)"
            + (failure.hint.map { " (\($0))" } ?? ""))
      }
    }
  }

  /// Whether the certificate in use is in the last quarter of its lifetime, or past it.
  private func isUrgent(_ name: LineageName) async -> Bool {
    guard let report = try? await report(on: name), let notBefore = report.notBefore,
      let notAfter = report.notAfter
    else { return false }
    return RenewalSchedule.isUrgent(
      notBefore: notBefore, notAfter: notAfter, now: services.clock.now())
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
    return try await Blocking.run {
      if try lineages.lineage(natural) != nil { return natural }
      let wanted = Set(request.names)
      for name in try lineages.names() {
        // A damaged neighbour is that lineage's problem, not this one's.
        guard let other = try? lineages.lineage(name) else { continue }
        if Set(other.settings.names) == wanted { return name }
      }
      return natural
    }
  }

  private func directory(
    of authority: CertificateAuthority, _ settings: LineageSettings, dryRun: Bool
  ) throws -> String {
    guard dryRun, let stand = authority.dryRun else {
      return authority.directory(for: settings.keyType)
    }
    return try CertificateAuthority.named(stand).directory(for: settings.keyType)
  }

  /// Retracts what earlier runs presented and could not retract.
  func cleanJournal(_ name: LineageName, _ settings: ChallengeSettings) async throws {
    let journal = ChallengeJournal(state: state)
    let groups = try await Blocking.run { try journal.groups(of: name) }
    guard !groups.isEmpty else { return }
    var left: [ChallengeJournal.Group] = []
    for group in groups {
      services.logger.info(
        "retracting \(group.challenges.count) challenges that an earlier run left")
      do {
        try await retract(group, settings)
      } catch {
        left.append(group)
        services.warn(
          "challenges of an earlier run could not be retracted: "
            + CertctlError(wrapping: error).message
            + (group.dns?.provider.map { " (they were made by --dns \(escapedForTerminal($0)))" }
              ?? "") + "; where nothing is left to remove, delete \(journal.path(of: name))")
      }
    }
    try await Blocking.run { [left] in try journal.keep(left, of: name) }
  }

  /// Retracts by whoever presented it.
  private func retract(_ group: ChallengeJournal.Group, _ settings: ChallengeSettings) async throws
  {
    var settings = settings
    if let dns = group.dns { settings.dns = dns }
    for (type, challenges) in Dictionary(
      grouping: group.challenges, by: { $0.type ?? settings.type })
    {
      try await Catalog.solver(for: settings.with(type), in: solverContext).retract(challenges)
    }
  }

  func currentCertificate(
    _ name: LineageName, mayBeDamaged: Bool
  ) async throws -> IssuedCertificate? {
    do {
      return try await Blocking.run {
        let lineage = try lineages.lineage(name)
        return try certificates.chosenGeneration(name, lineage)
          .map { try certificates.load($0, of: name) }?.unlessPlaceholder
      }
    } catch let error as CertctlError where error.code == .damagedState && mayBeDamaged {
      services.warn("\(error.message); it is replaced by a new certificate")
      return nil
    }
  }

  /// Whether an earlier run of this lineage left an order, which may be a certificate by now.
  func isOrderUnderWay(_ name: LineageName) async throws -> Bool {
    try await Blocking.run { try PendingStore(state: state).order(of: name) != nil }
  }

  private func unchanged(
    _ name: LineageName, _ known: Lineage?, _ settings: LineageSettings, _ reason: String,
    _ directory: String
  ) async throws -> IssueReport {
    // What is still there is of no use: an order that is gone at the CA, or a key without one.
    try await Blocking.run { try PendingStore(state: state).discard(name) }
    if var lineage = known, lineage.settings != settings {
      // A new webroot or group concerns the next renewal, not the certificate.
      lineage.settings = settings
      try await save(lineage)
    }
    // What a run that was cut short got, and did not put to use.
    let isWaiting = try await Blocking.run { try lineages.lineage(name)?.candidate != nil }
    let hooks = isWaiting ? try await deploy(name).hooks : []
    return IssueReport(
      outcome: .unchanged, reason: reason, certificate: try await report(on: name),
      directory: directory, hooks: hooks.isEmpty ? nil : hooks)
  }

  func save(_ lineage: Lineage) async throws {
    try await Blocking.run { try lineages.save(lineage) }
  }
}

extension Lineage {
  /// Whether this certificate was revoked by us.
  func isRevoked(_ leaf: Certificate?) -> Bool {
    guard let leaf else { return false }
    return issuance?.revoked?[leaf.sha256Fingerprint.hexadecimal] != nil
  }
}
