import ACME
import CertctlBase
import CertctlCore
import CertctlCrypto
import CertctlIssuing
import CertctlStore
import CertctlSystem
import FoundationEssentials
import Logging

/// The processing of one lineage in a run.
struct RenewalStep: ContextPart {
  let context: Context
  let request: RenewRequest
  let sessions: CASessionPool
  let name: LineageName

  private var clock: WallClock { environment.clock }

  /// The work that a lineage needs.
  struct Plan: Sendable {
    let name: LineageName
    /// The result if nothing else is done.
    var result: RenewalResult
    /// Whether to order a certificate or to resume an order.
    var needsCertificate = false
    /// The names, which no other lineage may validate at the same time.
    var identifiers: [Identifier] = []
    /// The directory URL of the first CA.
    var directory: String?
    /// Whether its challenges need DNS records.
    var isByDNS = false
  }

  /// A snapshot of a lineage.
  struct Status: Sendable {
    let lineage: Lineage
    let current: IssuedCertificate?
    let isUnderWay: Bool
    /// Whether an interrupted run left files or challenges that no order needs.
    let hasLeftovers: Bool
    let now: Date

    var certificate: RenewalCertificate? { current.map { RenewalCertificate($0.leaves) } }

    /// The renewal decision.
    var decision: RenewalDecision {
      RenewalDecision(
        of: lineage, current?.leaves, lookAhead: RenewalDecision.timerInterval, now: now)
    }
  }

  // MARK: - Checking

  /// Checks the lineage, and requests the CA's suggested window if that is due.
  ///
  /// - Throws: `CancellationError` only; other errors are part of the plan.
  func look() async throws -> Plan {
    let found = try await attempt {
      var status = try await self.status()
      if !request.dryRun, asks(status) || status.hasLeftovers {
        status = try await context.withLineage(name, wait: .zero) {
          let status = try await self.status()
          if status.hasLeftovers { try await clean(status) }
          return asks(status) ? try await asked(status) : status
        }
      }
      return plan(status)
    }
    switch found {
    case .success(let plan): return plan
    case .failure(let error): return Plan(name: name, result: await failed(error))
    }
  }

  private func status() async throws -> Status {
    guard let lineage = try await lineages.lineage(name) else {
      throw CertctlError(
        .damagedState,
        "cannot renew \(name): \(state.path)/lineages/\(name).json is missing",
        hint: "run with the certificate's names: certctl issue NAMES --name \(name)")
    }
    let pending = PendingStore(state: state)
    let isUnderWay = try await pending.order(of: name) != nil
    let hasFolder = try await pending.hasFolder(of: name)
    let presented = try await ChallengeJournal(state: state).groups(of: name)
    return Status(
      lineage: lineage,
      current: try await certificates.chosen(name, lineage)?.unlessPlaceholder,
      isUnderWay: isUnderWay, hasLeftovers: (hasFolder && !isUnderWay) || !presented.isEmpty,
      now: clock.now())
  }

  /// Cleans up challenges, and discards a key without an order.
  private func clean(_ status: Status) async throws {
    try await journal.cleanJournal(name, status.lineage.settings.challenge)
    guard !status.isUnderWay else { return }
    try await PendingStore(state: state).discard(name)
  }

  private func plan(_ status: Status) -> Plan {
    let decision = status.decision
    var plan = Plan(
      name: name, result: result(status, .unchanged, decision.description),
      identifiers: status.lineage.settings.names,
      directory: status.lineage.settings.authorities.first.flatMap {
        try? CertificateAuthority.named($0).directory(for: status.lineage.settings.keyType)
      })
    plan.isByDNS = status.lineage.settings.challenge.types(for: plan.identifiers)
      .contains(where: \.makesRecords)
    plan.result.next = decision.next
    if case .held = decision { plan.result.outcome = .held }
    plan.needsCertificate =
      request.force || decision.isNow || (status.isUnderWay && !decision.isHeld)
    if request.dryRun, plan.needsCertificate {
      plan.result.outcome = .due
      if request.force { plan.result.reason = "--force was given" }
    }
    return plan
  }

  // MARK: - The CA's suggestion

  /// Returns whether to request the CA's suggested window.
  private func asks(_ status: Status) -> Bool {
    guard let current = status.current, let leaf = current.leaves.first,
      CertificateID(leaf) != nil, status.lineage.issuance != nil, !status.lineage.isRevoked(leaf)
    else { return false }
    let certificate = RenewalCertificate(current.leaves)
    return (status.lineage.schedule?.about(certificate.fingerprint) ?? RenewalState())
      .asksRenewalInfo(for: certificate, now: status.now)
  }

  private func asked(_ status: Status) async throws -> Status {
    guard let leaf = status.current?.leaf, let id = CertificateID(leaf),
      let issuance = status.lineage.issuance
    else { return status }
    let fingerprint = leaf.sha256Fingerprint.hexadecimal
    var state =
      status.lineage.schedule?.about(fingerprint) ?? RenewalState(certificate: fingerprint)
    // The closure changes a copy, which is used only on success.
    let known = state
    let answer = try await attempt {
      var state = known
      try await sessions.checkReach(of: issuance.directory)
      let client = try await sessions.client(
        for: issuance.directory, caBundle: issuance.settings.caBundle)
      if try await client.directory().renewalInfo == nil {
        state.noteNoRenewalInfo(now: status.now)
      } else {
        var generator = SystemRandomNumberGenerator()
        var info = try await client.renewalInfo(for: id)
        if let other = try await rsaRenewalInfo(status), other.end < info.end { info = other }
        state.adopt(info, now: status.now, using: &generator)
      }
      await sessions.note(nil, from: issuance.directory)
      return state
    }
    switch answer {
    case .success(let new): state = new
    case .failure(let error):
      // Without a response the dates decide, as with a CA that suggests nothing.
      console.logger.info("\(name): no renewal suggestion from the CA: \(error)")
      await sessions.note(error.underlying ?? error, from: issuance.directory)
      state.noteUnanswered(now: status.now)
    }
    var lineage = status.lineage
    lineage.schedule = state
    try await context.save(lineage)
    return Status(
      lineage: lineage, current: status.current, isUnderWay: status.isUnderWay,
      hasLeftovers: false, now: status.now)
  }

  /// Returns the CA's suggestion for the RSA certificate of a dual lineage.
  ///
  /// Both certificates are renewed together.
  private func rsaRenewalInfo(_ status: Status) async throws -> RenewalInfo? {
    guard let id = (status.current?.rsa?.leaf).flatMap({ CertificateID($0) }),
      let issuance = status.lineage.issuance
    else { return nil }
    let client = try await sessions.client(
      for: issuance.place(of: .rsa).directory, caBundle: issuance.settings.caBundle)
    guard try await client.directory().renewalInfo != nil else { return nil }
    return try await client.renewalInfo(for: id)
  }

  // MARK: - Renewing

  /// Renews the lineage if it is still due.
  ///
  /// - Throws: `CancellationError` only.
  func renew() async throws -> RenewalResult {
    let result = try await attempt {
      try await context.withLineage(name, wait: .zero) { try await renewAlone() }
    }
    switch result {
    case .success(let result): return result
    case .failure(let error): return await failed(error)
    }
  }

  private func renewAlone() async throws -> RenewalResult {
    // Another process may have renewed it since the check.
    let status = try await self.status()
    try await journal.cleanJournal(name, status.lineage.settings.challenge)
    let decision = status.decision
    let isDue = request.force || decision.isNow
    guard isDue || (status.isUnderWay && !decision.isHeld) else {
      return result(status, decision.isHeld ? .held : .unchanged, decision.description)
    }
    let acquisition = CertificateAcquirer(
      context: context, sessions: sessions, name: name, known: status.lineage,
      settings: status.lineage.settings, current: status.current,
      reason: request.force ? nil : decision.reason, mayOrder: isDue, heedsLimits: !request.force,
      registersAgain: true)
    guard try await acquisition.run() else {
      return result(status, .unchanged, decision.description)
    }
    let reason =
      request.force
      ? "--force was given"
      : isDue ? "\(decision)" : "completed an order from an earlier run"
    return result(try await self.status(), .renewed, reason)
  }

  // MARK: - Results

  private func result(
    _ status: Status, _ outcome: RenewalResult.Outcome, _ reason: String
  ) -> RenewalResult {
    var result = RenewalResult(lineage: name.value, outcome: outcome, reason: reason)
    result.names = status.lineage.settings.names.map(\.value)
    result.failures = status.lineage.schedule?.failures?.count
    let missing = status.lineage.missingNames.map(\.value)
    result.missingNames = missing.isEmpty ? nil : missing
    guard let certificate = status.certificate else { return result }
    result.notAfter = certificate.notAfter
    result.isUrgent = RenewalSchedule.isUrgent(
      notBefore: certificate.notBefore, notAfter: certificate.notAfter, now: status.now)
    if outcome == .renewed || outcome == .unchanged { result.next = status.decision.next }
    return result
  }

  private func failed(_ error: CertctlError) async -> RenewalResult {
    var error = error
    if error.code == .locked { error = error.advising("the next run will retry") }
    let outcome: RenewalResult.Outcome =
      switch error.code {
      case .locked: .locked
      case .postponed: .postponed
      default: .failed
      }
    var result = RenewalResult(lineage: name.value, outcome: outcome, reason: error.text)
    if let status = try? await self.status() {
      result = self.result(status, outcome, error.text)
      result.next = error.retryAfter ?? status.decision.next
    }
    result.error = ErrorDetail(error)
    return result
  }
}
