import ACME
import CertctlCore
import CertctlDNS
import CertctlIssuing
import CertctlStore
import FoundationEssentials

/// The CAs of one run: one client, one connection and one account for each, however many lineages
/// share it, and which of them are out of reach.
actor CASessionPool {
  private static let mostRefusals = 3

  private let context: Context
  private let registration: Registration
  private var accounts: [Place: Task<(AccountRecord, Account), any Error>] = [:]
  private var clients: [Place: ACMEClient] = [:]
  private var solvers: [ChallengeSettings: any ChallengeSolver] = [:]
  private var views: [DNSSettings: ZoneLocator] = [:]
  private var closed: [String: CertctlError] = [:]
  private var refusals: [String: Int] = [:]

  private struct Place: Hashable {
    var directory: String
    var caBundle: String?
  }

  /// Sessions for one command.
  init(_ context: Context, registration: Registration = .init()) {
    self.context = context
    self.registration = registration
  }

  /// The client for a CA.
  func client(for directory: String, caBundle: String?) throws -> ACMEClient {
    let place = Place(directory: directory, caBundle: caBundle)
    if let client = clients[place] { return client }
    let client = try context.client(directory: directory, caBundle: caBundle)
    clients[place] = client
    return client
  }

  /// The account in use at a CA, registered first if need be.
  ///
  /// - Parameters:
  ///   - directory: The CA's directory URL.
  ///   - caBundle: What its HTTPS certificate must chain to.
  ///   - isOnly: Whether it is the only CA of the lineage: then an external account is meant for it.
  /// - Returns: The account, and what is kept of it.
  /// - Throws: What the registration fails with.
  func account(
    at directory: String, caBundle: String?, isOnly: Bool = true
  ) async throws -> (AccountRecord, Account) {
    let place = Place(directory: directory, caBundle: caBundle)
    if let known = accounts[place] { return try await Self.value(of: known) }
    let keeper = try keeper(place)
    let task = Task { [registration] in
      var registration = registration
      if registration.externalAccount != nil, !isOnly,
        try await !keeper.client.directory().externalAccountRequired
      {
        registration.externalAccount = nil
      }
      return try await keeper.account(registration)
    }
    accounts[place] = task
    do {
      return try await Self.value(of: task)
    } catch {
      accounts[place] = nil
      throw error
    }
  }

  /// The account after the CA said that it does not know it: registered again with the same key.
  func accountAgain(
    at directory: String, caBundle: String?, insteadOf url: String
  ) async throws -> (AccountRecord, Account) {
    let place = Place(directory: directory, caBundle: caBundle)
    // Another lineage of this run may have done it already.
    if let known = accounts[place], let (record, account) = try? await known.value,
      account.url != url
    {
      return (record, account)
    }
    let keeper = try keeper(place)
    let task = Task { [registration] in try await keeper.registerAgain(registration) }
    accounts[place] = task
    return try await Self.value(of: task)
  }

  /// Waits for a task that several lineages share; the end of one of them is the end of the run.
  private static func value<T: Sendable>(of task: Task<T, any Error>) async throws -> T {
    try await withTaskCancellationHandler {
      try await task.value
    } onCancel: {
      task.cancel()
    }
  }

  private func keeper(_ place: Place) throws -> AccountRegistrar {
    AccountDesk(context: context).keeper(
      client: try client(for: place.directory, caBundle: place.caBundle),
      directory: place.directory)
  }

  /// The solvers for these settings; orders side by side share them, and with them their listeners and
  /// what they know of zones.
  func solvers(for settings: LineageSettings) async throws -> ChallengeSolvers {
    try await ChallengeSolvers(settings.challenge, for: settings.names) { try solver(for: $0) }
  }

  private func solver(for settings: ChallengeSettings) throws -> any ChallengeSolver {
    if let solver = solvers[settings] { return solver }
    let solver = try Catalog.solver(for: settings, in: context.solverContext)
    solvers[settings] = solver
    return solver
  }

  /// The DNS by these settings, shared likewise.
  func view(_ settings: DNSSettings) async throws -> ZoneLocator {
    if let view = views[settings] { return view }
    let view = try await context.solverContext.view(settings)
    // Another order may have been faster.
    if let first = views[settings] { return first }
    views[settings] = view
    return view
  }

  // MARK: - CAs out of reach

  /// Refuses a CA that was out of reach a moment ago.
  ///
  /// Each lineage would wait for the same answer, and count it as a failure of its own.
  func checkReach(of directory: String) throws {
    guard let error = closed[directory] else { return }
    throw CertctlError(
      .postponed, "another certificate's request failed in this run: \(error.message)",
      hint: error.hint, problem: error.problem, isRetryable: true, retryAfter: error.retryAfter)
  }

  /// Whether a CA gives no answer, or nothing but refusals.
  func isOutOfReach(_ directory: String) -> Bool { closed[directory] != nil }

  /// Notes how asking a CA ended.
  ///
  /// One without an answer is out of reach. A rate limit or an error of the CA's own may concern one
  /// certificate only: so many in a row do not.
  func note(_ error: (any Error)?, from directory: String) {
    guard let error = error as? ACMEError, error.isRetryable, error.code != .orderPending else {
      refusals[directory] = nil
      return
    }
    refusals[directory, default: 0] += 1
    if error.status == nil || refusals[directory, default: 0] >= Self.mostRefusals {
      closed[directory] = CertctlError(wrapping: error)
    }
  }
}
