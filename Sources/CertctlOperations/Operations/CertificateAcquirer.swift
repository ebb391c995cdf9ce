import ACME
import CertctlBase
import CertctlCore
import CertctlCrypto
import CertctlDNS
import CertctlIssuing
import CertctlStore
import FoundationEssentials
import Logging

/// One lineage on its way to a new certificate, under its lock: what `issue` and `renew` share.
struct CertificateAcquirer: ContextPart {
  let context: Context
  let sessions: CASessionPool
  let name: LineageName
  /// The lineage as it is on disk; nil when it is new.
  let known: Lineage?
  /// What is wanted.
  let settings: LineageSettings
  /// The certificate in use.
  var current: IssuedCertificate?
  /// Why the schedule wants it; nil when a person does.
  var reason: RenewalDecision.Reason?
  /// Whether a new order may be placed; without it only one under way is brought to its end.
  var mayOrder = true
  /// Whether the limits that we know of a CA may forbid it.
  var heedsLimits = true
  /// Whether an account that the CA no longer knows is registered again, as a renewal does.
  var registersAgain = false

  private var pending: PendingStore { PendingStore(state: state) }

  /// Gets the certificate, stores it and puts it to use.
  ///
  /// The CAs are asked in their order; the next one only when one is out of order, or limits the
  /// rate for longer than the certificate in use can wait.
  ///
  /// - Returns: False when there was no order to go on with and none may be placed.
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
          "\(cause.text.inOneLine); asking \(authorities[index + 1].title) in its place")
      }
    }
    return false
  }

  /// The account that the order would be placed by, registered if need be, and a dry run with it.
  func dryRun(at directory: String, authority: CertificateAuthority) async throws {
    try await issuer(authority, directory).dryRun()
  }

  // MARK: - One CA

  /// The CAs in their order, but first of all the one where an order is under way.
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
      // Before anything is presented: a crash must leave what the next run cleans up by.
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

  /// The RSA certificate beside the one that was just obtained, whose order waits on disk for it.
  ///
  /// It may be ordered even where only an order under way was to be finished: it is part of that.
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
      // Nobody watches: the same key, and the terms that were agreed to, give an account again.
      console.warn("\(error); the account is registered again")
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
      // Whoever changes the key does not want the old one, whatever else was asked for.
      currentKey: known?.rekey != nil ? nil : part == .rsa ? current?.rsa?.key : current?.key,
      replaces: try await replaced(part, by: record.id, client),
      previous: known?.issuance.flatMap { issuance in
        let isSame = Set(issuance.settings.names) == Set(settings.names)
        return isSame && issuance.place(of: part).directory == directory ? issuance.date : nil
      }, heedsLimits: heedsLimits, authorizationLookup: lookup)
  }

  /// The certificate that the order is to replace (RFC 9773, section 5): only the CA and the
  /// account that issued it are told.
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
      // A rollback must not put a revoked generation back to use unawares.
      revoked: known?.issuance?.revoked)
    lineage.lastFailure = lineage.omitted?.first.map { .init(date: now, message: $0.message) }
    var schedule =
      lineage.schedule?.about(current?.leaf.sha256Fingerprint.hexadecimal) ?? RenewalState()
    schedule.noteSuccess(RenewalCertificate(issued.leaves), because: reason, now: now)
    if lineage.omitted != nil {
      // The names that are missing are tried again, ever more seldom.
      schedule.failures = known?.omitted == nil ? nil : known?.schedule?.failures
      schedule.noteFailure(of: RenewalCertificate(issued.leaves), now: now)
    }
    lineage.schedule = schedule
    // A key that nobody else knows needs no more than another one in its place.
    if lineage.rekey?.isCompromised == false { lineage.rekey = nil }
    try await context.save(lineage)
    do {
      try await pending.discard(name)
    } catch {
      // The certificate is in use; the next run finds the order, and that it is done.
      console.logger.warning("the finished order was not discarded: \(error)")
    }
    await events.append(
      Event(
        time: now, event: "issued", lineage: name.value, authority: issuer.directory,
        names: issuer.settings.names.map(\.value), generation: generation.number,
        notAfter: issued.leaf.notAfter))
  }

  // MARK: - Failing

  /// Whether the next CA may be asked after this failure.
  ///
  /// A name that one CA could not validate is not tried at another: that would only hide what is
  /// wrong with the name.
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

  /// Keeps the failure with the lineage; a lineage that never was goes, unless its order lives on.
  ///
  /// The failure itself is the news: one of the recording, on a full disk for example, does not
  /// hide it.
  private func recordFailure(_ error: any Error, of lineage: Lineage) async {
    let now = environment.clock.now()
    let failure = CertctlError(wrapping: error)
    do {
      // A damaged record of an order counts as one: it is there for somebody to look at.
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
      console.logger.warning("the failure was not recorded with the lineage: \(error)")
    }
    guard !(error is CancellationError) else { return }
    await events.append(
      Event(
        time: now, event: "failed", lineage: name.value, names: settings.names.map(\.value),
        message: failure.text))
  }
}
