import ACME
import FoundationEssentials
import HostIO
import Logging
import PKI

extension Manager {
  /// Gets a new or changed certificate, or finds that nothing is due.
  ///
  /// - Throws: `CertctlError`; or `CancellationError` when the task is cancelled, after all that
  ///   was presented is retracted.
  public func issue(_ request: IssueRequest) async throws -> IssueReport {
    do {
      let name = try await lineageName(for: request)
      try await check(request, as: name)
      return try await withLineage(name) { try await issue(request, as: name) }
    } catch let error as CancellationError {
      throw error
    } catch {
      throw CertctlError(wrapping: error)
    }
  }

  private func issue(_ request: IssueRequest, as name: LineageName) async throws -> IssueReport {
    let known = try await Blocking.run { try lineages.lineage(name) }
    let settings = try settings(for: request, known)
    let authority = try CertificateAuthority.named(settings.authorities[0])
    let solver = try Catalog.solver(for: settings.challenge)
    try await cleanJournal(name, known?.settings.challenge ?? settings.challenge)

    let current = try await currentCertificate(name, mayBeDamaged: request.force)
    let plan = try IssuePlan(
      settings: settings, issued: known?.issuance?.settings, leaf: current?.leaf,
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
    let issuer = try await self.issuer(
      name: name, settings: settings, authority: authority, directory: directory, solver: solver,
      registration: request.registration, currentKey: current?.key)
    if request.dryRun {
      try await issuer.rehearse()
      return IssueReport(
        outcome: .validated, reason: "all names can be validated",
        certificate: known == nil ? nil : try await report(on: name), directory: directory)
    }
    guard try await obtainAndStore(issuer, known, mayOrder: isDue) else {
      return try await unchanged(name, known, settings, reason, directory)
    }
    if !isDue { reason = "the order of an earlier run was brought to its end" }
    return IssueReport(
      outcome: .issued, reason: reason, certificate: try await report(on: name),
      directory: directory)
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

  /// Retracts what an earlier run presented and could not retract.
  func cleanJournal(_ name: LineageName, _ settings: ChallengeSettings) async throws {
    let journal = ChallengeJournal(state: state)
    let left = try await Blocking.run { try journal.challenges(of: name) }
    guard !left.isEmpty else { return }
    services.logger.info("retracting \(left.count) challenges that an earlier run left")
    let solver = try Catalog.solver(for: settings)
    do {
      try await solver.retract(left)
    } catch {
      services.warn("challenges of an earlier run could not be retracted: \(error)")
      return
    }
    try await Blocking.run { try journal.clear(name) }
  }

  private func currentCertificate(
    _ name: LineageName, mayBeDamaged: Bool
  ) async throws -> IssuedCertificate? {
    do {
      return try await Blocking.run {
        guard let generation = try certificates.liveGeneration(name) else { return nil }
        return try certificates.load(generation, of: name)
      }
    } catch let error as CertctlError where error.code == .damagedState && mayBeDamaged {
      services.warn("\(error.message); it is replaced by a new certificate")
      return nil
    }
  }

  /// Whether an earlier run of this lineage left an order, which may be a certificate by now.
  private func isOrderUnderWay(_ name: LineageName) async throws -> Bool {
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
    return IssueReport(
      outcome: .unchanged, reason: reason, certificate: try await report(on: name),
      directory: directory)
  }

  private func issuer(
    name: LineageName, settings: LineageSettings, authority: CertificateAuthority,
    directory: String, solver: any ChallengeSolver, registration: Registration,
    currentKey: PrivateKey?
  ) async throws -> Issuer {
    let keeper = try keeper(directory: directory, caBundle: settings.caBundle)
    let (record, account) = try await keeper.account(completed(registration))
    return Issuer(
      name: name, settings: settings, directory: directory, authority: authority,
      account: account, accountID: record.id, solver: solver, state: state, services: services,
      currentKey: currentKey)
  }

  /// Gets the certificate and makes it the one in use.
  ///
  /// - Returns: False when there was no order to go on with and none may be placed.
  private func obtainAndStore(
    _ issuer: Issuer, _ known: Lineage?, mayOrder: Bool
  ) async throws -> Bool {
    let name = issuer.name
    var lineage = known ?? Lineage(name: name.value, settings: issuer.settings)
    lineage.settings = issuer.settings
    // Before anything is presented: a crash must leave what the next run cleans up by.
    try await save(lineage)
    let issued: IssuedCertificate
    let generation: Generation
    do {
      guard
        let obtained = mayOrder ? try await issuer.obtain() : try await issuer.resume()
      else { return false }
      issued = obtained
      services.progress(.storing)
      generation = try await Blocking.run {
        try certificates.commit(obtained, to: name, files: issuer.settings.files)
      }
    } catch {
      await recordFailure(error, of: lineage, known: known)
      throw error
    }
    lineage.issuance = Lineage.Issuance(
      directory: issuer.directory, account: issuer.accountID, settings: issuer.settings,
      date: services.clock.now(),
      // A rollback must not put a revoked generation back to use unawares.
      revoked: known?.issuance?.revoked)
    lineage.lastFailure = nil
    try await save(lineage)
    do {
      try await Blocking.run { try PendingStore(state: state).discard(name) }
    } catch {
      // The certificate is in use; the next run finds the order, and that it is done.
      services.logger.warning("the finished order was not discarded: \(error)")
    }
    await events.append(
      Event(
        time: services.clock.now(), event: "issued", lineage: name.value,
        authority: issuer.directory, names: issuer.settings.names.map(\.value),
        generation: generation.number, notAfter: issued.leaf.notAfter))
    return true
  }

  /// Keeps the failure with the lineage; a lineage that never was goes, unless its order lives on.
  ///
  /// The failure itself is the news: one of the recording, on a full disk for example, does not
  /// hide it.
  private func recordFailure(
    _ error: any Error, of lineage: Lineage, known: Lineage?
  ) async {
    do {
      let name = try LineageName(lineage.name)
      // A damaged record of an order counts as one: it is there for somebody to look at.
      let isUnderWay = (try? await isOrderUnderWay(name)) ?? true
      if known == nil && !isUnderWay {
        try await Blocking.run { try lineages.remove(name) }
      } else {
        var failed = isUnderWay ? lineage : known ?? lineage
        failed.lastFailure = .init(
          date: services.clock.now(), message: CertctlError(wrapping: error).message)
        try await save(failed)
      }
    } catch {
      services.logger.warning("the failure was not recorded with the lineage: \(error)")
    }
    guard !(error is CancellationError) else { return }
    await events.append(
      Event(
        time: services.clock.now(), event: "failed", lineage: lineage.name,
        names: lineage.settings.names.map(\.value),
        message: CertctlError(wrapping: error).message))
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
