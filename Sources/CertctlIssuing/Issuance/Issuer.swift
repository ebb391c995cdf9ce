package import ACME
import CertctlBase
package import CertctlCore
package import CertctlCrypto
package import CertctlDNS
package import CertctlStore
import CertctlSystem
package import FoundationEssentials
import Logging
import Synchronization

/// Takes one lineage from an order to a certificate that is fit to be stored.
package struct Issuer: Sendable {
  /// How long a CA may take to issue; then the order is left for the next run.
  static let timeLimit = Duration.seconds(300)
  /// How old an order that makes no progress may get before another takes its place, in seconds.
  static let patience: TimeInterval = 24 * 3600
  /// How far a CA's clock may be ahead of ours, in seconds.
  static let clockTolerance: TimeInterval = 3600

  package let name: LineageName
  package var settings: LineageSettings
  package var directory: String
  package let authority: CertificateAuthority
  package var account: Account
  package var accountID: String
  package let solvers: ChallengeSolvers
  package let state: StateDirectory
  package let environment: Environment
  /// Which of two certificates it is for.
  package var part = CertificatePart.main
  /// The key in use, for `--reuse-key`.
  package let currentKey: PrivateKey?
  /// The certificate that a new order replaces (RFC 9773, section 5).
  package var replaces: CertificateID?
  /// When this CA last issued for exactly these names.
  package var previous: Date?
  /// Whether the limits that we know of the CA may forbid a new order.
  package var heedsLimits = true
  /// Looks up who may issue; nil where the DNS is not ours to ask.
  package var authorizationLookup: CAALookup?

  package init(
    name: LineageName, settings: LineageSettings, directory: String,
    authority: CertificateAuthority, account: Account, accountID: String, solvers: ChallengeSolvers,
    state: StateDirectory, environment: Environment, part: CertificatePart = CertificatePart.main,
    currentKey: PrivateKey?, replaces: CertificateID? = nil, previous: Date? = nil,
    heedsLimits: Bool = true, authorizationLookup: CAALookup? = nil
  ) {
    self.name = name
    self.settings = settings
    self.directory = directory
    self.authority = authority
    self.account = account
    self.accountID = accountID
    self.solvers = solvers
    self.state = state
    self.environment = environment
    self.part = part
    self.currentKey = currentKey
    self.replaces = replaces
    self.previous = previous
    self.heedsLimits = heedsLimits
    self.authorizationLookup = authorizationLookup
  }

  private var pending: PendingStore { PendingStore(state: state, part: part) }
  private var keyType: KeyType {
    part == .rsa ? settings.rsaKeyType ?? .rsa2048 : settings.keyType
  }
  private var ledger: LedgerStore {
    LedgerStore(
      state: state, clock: environment.clock, logger: environment.console.logger,
      warn: environment.console.warn)
  }

  /// The same for other names.
  package func with(names: [Identifier]) -> Issuer {
    var copy = self
    copy.settings.names = names
    copy.previous = nil
    return copy
  }

  /// The same with another account.
  package func with(_ account: Account, id: String) -> Issuer {
    var copy = self
    copy.account = account
    copy.accountID = id
    // The CA is told only of certificates of the same account.
    copy.replaces = nil
    return copy
  }

  /// Gets the certificate, by the order under way if there is one that fits, else by a new one.
  ///
  /// On return or on a failure that may pass, `pending/<name>` holds the order; the caller
  /// discards it once the certificate is stored. After any other failure it is gone.
  package func obtain() async throws -> IssuedCertificate {
    try await certificate {
      if let order = try await resumedOrder() { return order }
      return try await recordedNewOrder()
    }
  }

  /// Gets the certificate of the order under way; nil when there is none that fits.
  package func resume() async throws -> IssuedCertificate? {
    do {
      return try await certificate {
        guard let order = try await resumedOrder() else { throw NothingToResume() }
        return order
      }
    } catch is NothingToResume {
      return nil
    }
  }

  private func certificate(
    of place: @Sendable () async throws -> Order
  ) async throws -> IssuedCertificate {
    do {
      let order = try await finalized(try await validation.complete(place))
      environment.console.progress(.downloading)
      return try await download(order)
    } catch let error as NothingToResume {
      throw error
    } catch {
      if await !shouldKeepOrder(after: error) { await abandon(after: error) }
      throw error
    }
  }

  /// Validates and stops: the order goes no further than `ready`.
  package func dryRun() async throws {
    let placed = Mutex<String?>(nil)
    do {
      let order = try await validation.complete {
        try await checkAuthorization()
        let order = try await placeOrder()
        placed.withLock { $0 = order.url }
        return order
      }
      // A dry run leaves nothing that a later order could build on.
      for url in order.authorizations { try await account.deactivateAuthorization(at: url) }
    } catch {
      if let url = placed.withLock({ $0 }) { try await giveUp(url) }
      throw error
    }
  }

  private var validation: Validation {
    Validation(
      account: account, solvers: solvers, journal: ChallengeJournal(state: state), lineage: name,
      progress: environment.console.progress, logger: environment.console.logger,
      warn: environment.console.warn)
  }

  // MARK: - Order

  private struct NothingToResume: Error {}

  /// The order as the limits of the CA see it.
  private var planned: OrderUsage {
    OrderUsage(
      directory: directory, account: accountID, identifiers: settings.names, previous: previous,
      isReplacement: replaces != nil)
  }

  /// A new order, counted before it is placed, and on disk before anything else is done with it.
  private func recordedNewOrder() async throws -> Order {
    try await checkAuthorization()
    try await ledger.reserve(planned, heedsLimits: heedsLimits)
    let order: Order
    do {
      order = try await placeOrder()
    } catch {
      await ledger.noteFailure(of: planned, names: [])
      throw error
    }
    let record = PendingOrder(
      url: order.url, directory: directory, account: accountID, settings: settings,
      date: environment.clock.now())
    do {
      try await pending.begin(record, of: name)
    } catch {
      // The next run places an order of its own, whatever is left of the record of this one.
      try? await pending.discard(name)
      try? await giveUp(order.url)
      throw error
    }
    return order
  }

  /// Finds a CAA record that forbids the certificate, where the DNS is in use anyway.
  private func checkAuthorization() async throws {
    guard solvers.types.contains(where: \.isOfDNS), let lookup = authorizationLookup else { return }
    try await lookup.check(settings.names, account: account.url) { solvers.type(for: $0) }
  }

  private func placeOrder() async throws -> Order {
    environment.console.progress(.ordering(authority.title, names: settings.names.count))
    return try await account.newOrder(
      NewOrder(settings.names, profile: settings.profile, replaces: replaces))
  }

  /// The order of an earlier run, when it is for the same certificate and still alive.
  private func resumedOrder() async throws -> Order? {
    guard let record = try await pending.order(of: name) else { return nil }
    guard record.directory == directory, record.account == accountID,
      record.settings.wantSameCertificate(as: settings)
    else { return nil }
    environment.console.progress(.resuming(authority.title))
    do {
      let order = try await account.order(at: record.url)
      guard order.status != .invalid else { return nil }
      let age = environment.clock.now().timeIntervalSince(record.date)
      if age > Self.patience, [.pending, .processing].contains(order.status) {
        // A CA that crashed in the middle of a validation may never take it up again.
        environment.console.logger.warning(
          "\(name): the order of \(record.date.rfc3339) is given up")
        if order.status == .pending { try await giveUp(record.url) }
        return nil
      }
      return order
    } catch let error as ACMEError where error.problem != nil && !error.isRetryable {
      environment.console.logger.info("the order under way is gone: \(error)")
      return nil
    }
  }

  private func finalized(_ validated: Order) async throws -> Order {
    var order = validated
    if order.status == .ready {
      environment.console.progress(.finalizing)
      let request = try await keptRequest()
      order = try await account.finalize(order, request: request)
    }
    if order.status != .valid {
      order = try await account.waitForOrder(
        at: order.url, whileIn: [.processing, .ready, .pending], timeout: Self.timeLimit)
    }
    guard order.status == .valid else {
      throw CertctlError(
        .authority,
        "the CA did not issue the certificate for \(name): "
          + (order.error?.description ?? "the order is \(order.status.rawValue)"),
        problem: order.error)
    }
    return order
  }

  /// The CSR of this order, made and synced with its key before the CA sees it.
  private func keptRequest() async throws -> CertificateRequest {
    if let kept = try await kept() { return kept.request }
    if let given = settings.csr {
      let request = try UserCSR(stored: given, of: name).request
      try await pending.keep(nil, request, of: name)
      return request
    }
    let reused = settings.reuseKey ? currentKey : nil
    let key =
      if let reused, reused.type == keyType { reused } else {
        try await PrivateKey.generating(keyType)
      }
    let request = try CertificateRequest(
      key: key, dnsNames: settings.names.filter { $0.type == .dns }.map(\.value),
      ipAddresses: settings.names.filter { $0.type == .ip }.map(\.value))
    try await pending.keep(key, request, of: name)
    return request
  }

  private func kept() async throws -> (key: PrivateKey?, request: CertificateRequest)? {
    try await pending.request(of: name, needsKey: settings.csr == nil)
  }

  /// Whether the next run can go on with the order: it was finalized, or the failure may pass.
  private func shouldKeepOrder(after error: any Error) async -> Bool {
    let isDiskFull = (error as? HostError)?.code == .diskFull
    let mayPass = CertctlError(wrapping: error).isRetryable || isDiskFull
    // A damaged key or request is there for somebody to look at.
    let isFinalized = (try? await kept() != nil) ?? true
    // A cancelled run of an order that no certificate can come from yet leaves nothing.
    if error is CancellationError { return isFinalized }
    if let error = error as? CertctlError, error.code == .unusableCertificate { return false }
    if mayPass { return true }
    // A full disk, a lost permission: the certificate may be there, and ours to fetch.
    return isFinalized && !(error is ACMEError) && (error as? CertctlError)?.code != .authority
  }

  /// Ends the order at the CA and here; whatever fails of it must not hide why.
  private func abandon(after error: any Error) async {
    guard let record = try? await pending.order(of: name) else { return }
    let failure = CertctlError(wrapping: error)
    if failure.code == .challengeFailed {
      let refused = failure.identifiers
      await ledger.noteFailure(of: planned, names: refused.isEmpty ? settings.names : refused)
    }
    do {
      try await giveUp(record.url)
      try await pending.discard(name)
    } catch {
      environment.console.logger.warning("the order under way was not discarded: \(error)")
    }
  }

  /// Deactivates what is still pending of a failed order, so that it does not count against the
  /// account; for certctl itself nothing depends on it.
  private func giveUp(_ orderURL: String) async throws {
    let log: @Sendable (any Error) -> Void = {
      environment.console.logger.info("an authorization was not deactivated: \($0)")
    }
    try await withCleanup(timeout: .seconds(20), onFailure: log) {
    } cleanup: { _ in
      for url in try await account.order(at: orderURL).authorizations
      where try await account.authorization(at: url).status == .pending {
        try await account.deactivateAuthorization(at: url)
      }
    }
  }

  // MARK: - Certificate

  private func download(_ order: Order) async throws -> IssuedCertificate {
    guard let kept = try await kept() else {
      throw CertctlError(
        .damagedState, "the key of the order for \(name) is missing",
        hint: "it cannot be had back; run the command again for a new order")
    }
    var chain = try await account.certificateChain(of: order)
    if let wanted = settings.preferredChain, !chain.endsWith(issuer: wanted) {
      if let better = try await alternate(of: chain, issuer: wanted) {
        chain = better
      } else {
        environment.console.warn(
          "no chain of this CA ends with an issuer '\(wanted)'; "
            + "the default chain is used")
      }
    }
    let issued =
      if let key = kept.key { IssuedCertificate(chain: chain.certificates, key: key) } else {
        IssuedCertificate(chain: chain.certificates, request: kept.request)
      }
    try check(issued)
    return issued
  }

  private func alternate(of chain: IssuedChain, issuer: String) async throws -> IssuedChain? {
    for alternate in try await account.alternateChains(of: chain)
    where alternate.endsWith(issuer: issuer) {
      return alternate
    }
    return nil
  }

  /// Checks that the certificate is the one that was ordered, before it gets near the store.
  private func check(_ issued: IssuedCertificate) throws {
    let leaf = issued.leaf
    let now = environment.clock.now()
    func refuse(_ what: String, hint: String? = nil) -> CertctlError {
      CertctlError(
        .unusableCertificate, "the certificate that the CA sent for \(name) \(what)", hint: hint)
    }
    guard issued.isPair else { throw refuse("has another key than the request") }
    let names = Set(leaf.dnsNames.map { $0.lowercased() } + leaf.ipAddresses)
    if let missing = settings.names.first(where: { !names.contains($0.value) }) {
      throw refuse("does not cover \(missing.value)")
    }
    guard Certificate.isOrdered(issued.chain) else {
      throw refuse("has a chain that is out of order")
    }
    let clockHint = "this machine's clock says \(now.rfc3339): check it"
    guard leaf.notAfter > now else {
      throw refuse("expired on \(leaf.notAfter.rfc3339)", hint: clockHint)
    }
    guard leaf.notBefore < now.addingTimeInterval(Self.clockTolerance) else {
      throw refuse("is not valid before \(leaf.notBefore.rfc3339)", hint: clockHint)
    }
  }
}

extension IssuedChain {
  /// Whether the last certificate was issued by one of this common name.
  func endsWith(issuer: String) -> Bool {
    lastIssuerCommonName == issuer
  }
}
