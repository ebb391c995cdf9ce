import ACME
import CertctlCore
import CertctlDNS
import CertctlIssuing
import CertctlStore
import FoundationEssentials

/// The sessions with the CAs of one run.
///
/// Each CA has one client, one connection and one account, shared by all lineages. The pool also
/// remembers which CAs are unreachable.
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

  /// Creates the sessions for one command.
  init(_ context: Context, registration: Registration = .init()) {
    self.context = context
    self.registration = registration
  }

  /// Returns the client for a CA.
  func client(for directory: String, caBundle: String?) throws -> ACMEClient {
    let place = Place(directory: directory, caBundle: caBundle)
    if let client = clients[place] { return client }
    let client = try context.client(directory: directory, caBundle: caBundle)
    clients[place] = client
    return client
  }

  /// Returns the account in use at a CA, and registers one first if necessary.
  ///
  /// - Parameters:
  ///   - directory: The CA's directory URL.
  ///   - caBundle: The file with the trusted roots for its HTTPS certificate.
  ///   - isOnly: Whether it is the lineage's only CA, so that an external account belongs to it.
  /// - Returns: The record of the account, and the account.
  /// - Throws: The error of the registration.
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

  /// Registers an account that the CA no longer knows again, with the same key.
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

  /// Waits for a task that several lineages share, and cancels it if the caller is cancelled.
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

  /// Returns the solvers for these settings.
  ///
  /// Concurrent orders share them, with their listeners and their knowledge of zones.
  func solvers(for settings: LineageSettings) async throws -> ChallengeSolvers {
    try await ChallengeSolvers(settings.challenge, for: settings.names) { try solver(for: $0) }
  }

  private func solver(for settings: ChallengeSettings) throws -> any ChallengeSolver {
    if let solver = solvers[settings] { return solver }
    let solver = try Catalog.solver(for: settings, in: context.solverContext)
    solvers[settings] = solver
    return solver
  }

  /// Returns the zone locator for these settings, which concurrent orders share as well.
  func view(_ settings: DNSSettings) async throws -> ZoneLocator {
    if let view = views[settings] { return view }
    let view = try await context.solverContext.view(settings)
    // Another order may have been faster.
    if let first = views[settings] { return first }
    views[settings] = view
    return view
  }

  // MARK: - Unreachable CAs

  /// Throws if the CA was unreachable earlier in this run.
  ///
  /// Otherwise each lineage would wait for the same error and record it as its own failure.
  func checkReach(of directory: String) throws {
    guard let error = closed[directory] else { return }
    throw CertctlError(
      .postponed, "an earlier request to this CA failed in this run: \(error.message)",
      hint: error.hint, problem: error.problem, isRetryable: true, retryAfter: error.retryAfter)
  }

  /// Returns whether a CA does not respond, or refuses all requests.
  func isOutOfReach(_ directory: String) -> Bool { closed[directory] != nil }

  /// Records the outcome of a request to a CA.
  ///
  /// A CA that does not respond is unreachable. A rate limit or server error may concern only one
  /// certificate, so it takes several in a row.
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
