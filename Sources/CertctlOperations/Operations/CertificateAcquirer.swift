import ACME
import CertctlBase
import CertctlCore
import CertctlCrypto
import CertctlDNS
import CertctlIssuing
import CertctlStore
import FoundationEssentials
import Logging

/// The acquisition of a certificate for one lineage, under its lock.
struct CertificateAcquirer: ContextPart {
  let context: Context
  let sessions: CASessionPool
  let name: LineageName
  /// The lineage on disk; nil for a new one.
  let known: Lineage?
  /// The requested settings.
  let settings: LineageSettings
  /// The certificate in use.
  var current: IssuedCertificate?
  /// The reason of a scheduled renewal; nil if a person requested the certificate.
  var reason: RenewalDecision.Reason?
  /// Whether a new order may be placed; otherwise only a pending one is completed.
  var mayOrder = true
  /// Whether the known rate limits of a CA apply.
  var heedsLimits = true
  /// Whether an account that the CA no longer knows is registered again.
  var registersAgain = false

  private var pending: PendingStore { PendingStore(state: state) }

  /// Gets and stores the certificate, as the candidate for deployment.
  ///
  /// The CAs are tried in order: the next one only if one is unavailable, or if its rate limit
  /// lasts longer than the certificate in use can wait.
  ///
  /// - Returns: False if there was no order to resume and none may be placed.
  func run() async throws -> Bool {
    let authorities = try await order(of: settings.authorities)
    for (index, authority) in authorities.enumerated() {
      do {
        return try await ask(authority)
      } catch {
        if error is CancellationError { throw error }
        let isDown = await sessions.isOutOfReach(authority.directory(for: settings.keyType))
        guard index + 1 < authorities.count, isDown || mayTurnAway(after: error) else {
          throw error
        }
        let cause = CertctlError(wrapping: error)
        console.warn(
          "\(cause.text.inOneLine); trying \(authorities[index + 1].title) instead")
      }
    }
    return false
  }

  /// Performs a dry run at a CA, and registers an account there if necessary.
  func dryRun(at directory: String, authority: CertificateAuthority) async throws {
    try await issuer(authority, directory).dryRun()
  }

  // MARK: - One CA

  /// Returns the CAs in order, but the one with a pending order first.
  private func order(of authorities: [String]) async throws -> [CertificateAuthority] {
    let underWay = try await pending.order(of: name)?.directory
    let all = try authorities.map { try CertificateAuthority.named($0) }
    let isFirst = { (authority: CertificateAuthority) in
      authority.directory(for: settings.keyType) == underWay
    }
    return all.filter(isFirst) + all.filter { !isFirst($0) }
  }

  private func ask(_ authority: CertificateAuthority) async throws -> Bool {
    let directory = authority.directory(for: settings.keyType)
    try await sessions.checkReach(of: directory)
    var lineage = known ?? Lineage(name: name.value, settings: settings)
    var isSaved = known != nil
    do {
      let issuer = try await issuer(authority, directory)
      lineage.settings = settings
      // Save this before challenges are presented: after a crash the next run cleans up with it.
      try await context.save(lineage)
      isSaved = true
      guard let obtained = try await obtainAllowed(issuer) else { return false }
      var (issued, allowed, omitted) = obtained
      var rsaPlace: Lineage.Issuance.Place?
      if settings.rsaKeyType != nil {
        (issued.rsa, rsaPlace) = try await rsaCertificate(authority, beside: allowed)
      }
      await sessions.note(nil, from: directory)
      lineage.omitted = omitted.isEmpty ? nil : omitted
      try await adopt(issued, from: allowed, rsaPlace, lineage)
      return true
    } catch {
      await sessions.note(error, from: directory)
      if isSaved { await recordFailure(error, of: lineage) }
      throw error
    }
  }

  /// Returns the RSA certificate for the one just obtained, whose order stays on disk meanwhile.
  ///
  /// It may be ordered even if `mayOrder` is false, because it is part of the pending order.
  private func rsaCertificate(
    _ authority: CertificateAuthority, beside main: Issuer
  ) async throws -> (IssuedCertificate.RSACertificate?, Lineage.Issuance.Place?) {
    let directory = authority.directory(for: settings.rsaKeyType ?? .rsa2048)
    var issuer = try await issuer(authority, directory, .rsa)
    if main.settings.names != settings.names { issuer = issuer.with(names: main.settings.names) }
    guard let issued = try await obtain(issuer, mayOrder: true), let key = issued.key else {
      return (nil, nil)
    }
    return (
      .init(chain: issued.chain, key: key),
      .init(directory: directory, account: issuer.accountID)
    )
  }

  func obtain(_ issuer: Issuer, mayOrder: Bool? = nil) async throws -> IssuedCertificate? {
    let mayOrder = mayOrder ?? self.mayOrder
    do {
      return mayOrder ? try await issuer.obtain() : try await issuer.resume()
    } catch let error as ACMEError where error.code == .accountDoesNotExist {
      guard registersAgain else { throw error }
      // Unattended: register again with the same key and the terms that were agreed to.
      console.warn("\(error); registering the account again")
      let (record, account) = try await sessions.accountAgain(
        at: issuer.directory, caBundle: settings.caBundle, insteadOf: issuer.account.url)
      let again = issuer.with(account, id: record.id)
      return mayOrder ? try await again.obtain() : try await again.resume()
    }
  }

  private func issuer(
    _ authority: CertificateAuthority, _ directory: String, _ part: CertificatePart = .main
  ) async throws -> Issuer {
    let (record, account) = try await sessions.account(
      at: directory, caBundle: settings.caBundle, isOnly: settings.authorities.count == 1)
    let client = try await sessions.client(for: directory, caBundle: settings.caBundle)
    let solvers = try await sessions.solvers(for: settings)
    var lookup: CAALookup?
    if solvers.types.contains(where: \.isOfDNS) {
      lookup = CAALookup(
        view: try await sessions.view(settings.challenge.dns ?? DNSSettings()),
        issuers: try await client.directory().caaIdentities)
    }
    return Issuer(
      name: name, settings: settings, directory: directory, authority: authority,
      account: account, accountID: record.id, solvers: solvers, state: state,
      environment: environment, part: part,
      // A key change never reuses the old key, even with --reuse-key.
      currentKey: known?.rekey != nil ? nil : part == .rsa ? current?.rsa?.key : current?.key,
      replaces: try await replaced(part, by: record.id, client),
      previous: known?.issuance.flatMap { issuance in
        let isSame = Set(issuance.settings.names) == Set(settings.names)
        return isSame && issuance.place(of: part).directory == directory ? issuance.date : nil
      }, heedsLimits: heedsLimits, authorizationLookup: lookup)
  }

  /// Returns the certificate that the order replaces (RFC 9773, section 5).
  ///
  /// It is nil unless the same CA and account issued it.
  private func replaced(
    _ part: CertificatePart, by accountID: String, _ client: ACMEClient
  ) async throws -> CertificateID? {
    let place = Lineage.Issuance.Place(directory: client.directoryURL, account: accountID)
    guard let leaf = part == .rsa ? current?.rsa?.leaf : current?.leaf,
      known?.issuance?.place(of: part) == place,
      try await client.directory().renewalInfo != nil
    else { return nil }
    return CertificateID(leaf)
  }

  // MARK: - Storing

  private func adopt(
    _ issued: IssuedCertificate, from issuer: Issuer, _ rsa: Lineage.Issuance.Place?,
    _ lineage: Lineage
  ) async throws {
    console.progress(.storing)
    let generation = try await certificates.commit(issued, to: name, files: settings.files)
    let now = environment.clock.now()
    var lineage = lineage
    lineage.candidate = generation.number
    lineage.issuance = Lineage.Issuance(
      directory: issuer.directory, account: issuer.accountID, rsa: rsa,
      settings: issuer.settings, date: now,
      // A rollback must not silently restore a revoked generation.
      revoked: known?.issuance?.revoked)
    lineage.lastFailure = lineage.omitted?.first.map { .init(date: now, message: $0.message) }
    var schedule =
      lineage.schedule?.about(current?.leaf.sha256Fingerprint.hexadecimal) ?? RenewalState()
    schedule.noteSuccess(RenewalCertificate(issued.leaves), because: reason, now: now)
    if lineage.omitted != nil {
      // Missing names are retried at growing intervals.
      schedule.failures = known?.omitted == nil ? nil : known?.schedule?.failures
      schedule.noteFailure(of: RenewalCertificate(issued.leaves), now: now)
    }
    lineage.schedule = schedule
    // Without a compromise the key change is complete: nothing has to be revoked.
    if lineage.rekey?.isCompromised == false { lineage.rekey = nil }
    try await context.save(lineage)
    do {
      try await pending.discard(name)
    } catch {
      // The certificate is stored; the next run finds the finished order.
      console.logger.warning("cannot discard the finished order: \(error)")
    }
    await events.append(
      Event(
        time: now, event: "issued", lineage: name.value, authority: issuer.directory,
        names: issuer.settings.names.map(\.value), generation: generation.number,
        notAfter: issued.leaf.notAfter))
  }

  // MARK: - Failing

  /// Returns whether the next CA may be tried after this failure.
  ///
  /// A name that one CA could not validate is not tried at another: that would only hide the
  /// problem.
  private func mayTurnAway(after error: any Error) -> Bool {
    let refusal = error as? ACMEError
    let failure = CertctlError(wrapping: error)
    if refusal?.code != .rateLimited, failure.code != .postponed {
      return refusal?.isRetryable == true && refusal?.code != .orderPending
    }
    guard let current else { return true }
    let last = RenewalCertificate(current.leaves).lastSafeInstant
    return failure.retryAfter.map { $0 >= last } ?? (environment.clock.now() >= last)
  }

  /// Records the failure in the lineage, or removes a new lineage without a pending order.
  ///
  /// If the recording itself fails, for example on a full disk, that is only logged.
  private func recordFailure(_ error: any Error, of lineage: Lineage) async {
    let now = environment.clock.now()
    let failure = CertctlError(wrapping: error)
    do {
      // A damaged order record counts as an order: it is kept for inspection.
      let isUnderWay = (try? await certificatesInUse.isOrderUnderWay(name)) ?? true
      if known == nil && !isUnderWay {
        try await lineages.remove(name)
      } else {
        var failed = isUnderWay ? lineage : known ?? lineage
        failed.lastFailure = .init(date: now, message: failure.text)
        if !(error is CancellationError), failure.code != .postponed, failure.code != .locked {
          let certificate = current.map { RenewalCertificate($0.leaves) }
          var schedule =
            failed.schedule?.about(certificate?.fingerprint)
            ?? RenewalState(certificate: certificate?.fingerprint)
          schedule.noteFailure(of: certificate, retryAfter: failure.retryAfter, now: now)
          failed.schedule = schedule
        }
        try await context.save(failed)
      }
    } catch {
      console.logger.warning("cannot record the failure: \(error)")
    }
    guard !(error is CancellationError) else { return }
    await events.append(
      Event(
        time: now, event: "failed", lineage: name.value, names: settings.names.map(\.value),
        message: failure.text))
  }
}
