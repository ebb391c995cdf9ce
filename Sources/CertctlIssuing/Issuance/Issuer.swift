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

/// The issuance of one certificate, from the order to a checked certificate.
package struct Issuer: Sendable {
  /// How long a CA may take to issue; after that, the order is left for the next run.
  static let timeLimit = Duration.seconds(300)
  /// How old an order without progress may become before it is replaced, in seconds.
  static let patience: TimeInterval = 24 * 3600
  /// How far a CA's clock may be ahead of the local clock, in seconds.
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
  /// Which of the two certificates to obtain.
  package var part = CertificatePart.main
  /// The key in use, for `--reuse-key`.
  package let currentKey: PrivateKey?
  /// The certificate that a new order replaces (RFC 9773, section 5).
  package var replaces: CertificateID?
  /// When this CA last issued for exactly these names.
  package var previous: Date?
  /// Whether known rate limits of the CA may forbid a new order.
  package var heedsLimits = true
  /// Looks up CAA records; nil if certctl must not query DNS.
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

  /// Returns a copy for other names.
  package func with(names: [Identifier]) -> Issuer {
    var copy = self
    copy.settings.names = names
    copy.previous = nil
    return copy
  }

  /// Returns a copy with another account.
  package func with(_ account: Account, id: String) -> Issuer {
    var copy = self
    copy.account = account
    copy.accountID = id
    // `replaces` may only name a certificate of the same account.
    copy.replaces = nil
    return copy
  }

  /// Obtains the certificate from the order in progress if it fits, else from a new order.
  ///
  /// On return or after a temporary failure, `pending/<name>` holds the order; the caller discards
  /// it once the certificate is stored. After any other failure, the order is removed.
  package func obtain() async throws -> IssuedCertificate {
    try await certificate {
      if let order = try await resumedOrder() { return order }
      return try await recordedNewOrder()
    }
  }

  /// Obtains the certificate of the order in progress; nil if there is none that fits.
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

  /// Validates the names, and stops when the order is `ready`.
  package func dryRun() async throws {
    let placed = Mutex<String?>(nil)
    do {
      let order = try await validation.complete {
        try await checkAuthorization()
        let order = try await placeOrder()
        placed.withLock { $0 = order.url }
        return order
      }
      // A dry run leaves no valid authorizations that a later order could reuse.
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

  /// The order as the rate limits of the CA count it.
  private var planned: OrderUsage {
    OrderUsage(
      directory: directory, account: accountID, identifiers: settings.names, previous: previous,
      isReplacement: replaces != nil)
  }

  /// Places a new order, which is counted first and recorded before any further step.
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
      // The next run places a new order, whatever is left of this record.
      try? await pending.discard(name)
      try? await giveUp(order.url)
      throw error
    }
    return order
  }

  /// Checks for a CAA record that forbids the certificate, if the challenges use DNS anyway.
  private func checkAuthorization() async throws {
    guard solvers.types.contains(where: \.isOfDNS), let lookup = authorizationLookup else { return }
    try await lookup.check(settings.names, account: account.url) { solvers.type(for: $0) }
  }

  private func placeOrder() async throws -> Order {
    environment.console.progress(.ordering(authority.title, names: settings.names.count))
    return try await account.newOrder(
      NewOrder(settings.names, profile: settings.profile, replaces: replaces))
  }

  /// Returns the order of an earlier run if it is for the same certificate and still usable.
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
        // A CA that crashed during a validation may never continue it.
        environment.console.logger.warning(
          "\(name): abandoning the order of \(record.date.rfc3339), which makes no progress")
        if order.status == .pending { try await giveUp(record.url) }
        return nil
      }
      return order
    } catch let error as ACMEError where error.problem != nil && !error.isRetryable {
      environment.console.logger.info("cannot resume the order in progress: \(error)")
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

  /// Returns the CSR of this order, stored with its key before the CA receives it.
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

  /// Returns whether the next run can resume the order after this failure.
  private func shouldKeepOrder(after error: any Error) async -> Bool {
    let isDiskFull = (error as? HostError)?.code == .diskFull
    let mayPass = CertctlError(wrapping: error).isRetryable || isDiskFull
    // Keep a damaged key or CSR for inspection.
    let isFinalized = (try? await kept() != nil) ?? true
    // After a cancellation, keep the order only if it can yield a certificate.
    if error is CancellationError { return isFinalized }
    if let error = error as? CertctlError, error.code == .unusableCertificate { return false }
    if mayPass { return true }
    // After a local failure such as a full disk, the certificate may still be available.
    return isFinalized && !(error is ACMEError) && (error as? CertctlError)?.code != .authority
  }

  /// Discards the order at the CA and on disk; errors in doing so must not hide the cause.
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
      environment.console.logger.warning("the order in progress was not discarded: \(error)")
    }
  }

  /// Deactivates the pending authorizations of a failed order.
  ///
  /// Otherwise they would count against the account. certctl does not depend on this.
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
        hint: "run the command again to place a new order; the key cannot be recovered")
    }
    var chain = try await account.certificateChain(of: order)
    if let wanted = settings.preferredChain, !chain.endsWith(issuer: wanted) {
      if let better = try await alternate(of: chain, issuer: wanted) {
        chain = better
      } else {
        environment.console.warn(
          "the CA offers no chain from the issuer '\(wanted)'; using the default chain")
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

  /// Checks that the certificate is the one that was ordered, before it is stored.
  private func check(_ issued: IssuedCertificate) throws {
    let leaf = issued.leaf
    let now = environment.clock.now()
    func refuse(_ what: String, hint: String? = nil) -> CertctlError {
      CertctlError(
        .unusableCertificate, "cannot use the certificate from the CA for \(name): \(what)",
        hint: hint)
    }
    guard issued.isPair else { throw refuse("its key does not match the CSR") }
    let names = Set(leaf.dnsNames.map { $0.lowercased() } + leaf.ipAddresses)
    if let missing = settings.names.first(where: { !names.contains($0.value) }) {
      throw refuse("it does not cover \(missing.value)")
    }
    guard Certificate.isOrdered(issued.chain) else {
      throw refuse("its chain is out of order")
    }
    let clockHint = "check this machine's clock, which shows \(now.rfc3339)"
    guard leaf.notAfter > now else {
      throw refuse("it expired on \(leaf.notAfter.rfc3339)", hint: clockHint)
    }
    guard leaf.notBefore < now.addingTimeInterval(Self.clockTolerance) else {
      throw refuse("it is not valid before \(leaf.notBefore.rfc3339)", hint: clockHint)
    }
  }
}

extension IssuedChain {
  /// Returns whether the topmost certificate was issued by this common name.
  func endsWith(issuer: String) -> Bool {
    lastIssuerCommonName == issuer
  }
}
