import CertctlCore
import CertctlServing
import CertctlStore
import CertctlSystem

/// An action of certctl, for the command line or for another program.
package protocol Operation: Sendable {
  /// The result of the operation.
  associatedtype Report: Sendable

  /// Performs the operation.
  ///
  /// - Throws: Any error; `Context.run` converts it to `CertctlError`.
  func run(in context: Context) async throws -> Report
}

extension Context {
  /// Runs an operation.
  ///
  /// - Throws: `CertctlError`; `CancellationError` if the task is cancelled, after all challenges
  ///   are cleaned up.
  package func run<O: Operation>(_ operation: O) async throws -> O.Report {
    try await attempt { try await operation.run(in: self) }.get()
  }
}

/// A component that several operations share.
protocol ContextPart: Sendable {
  /// The dependencies.
  var context: Context { get }
}

extension ContextPart {
  var state: StateDirectory { context.state }
  var environment: Environment { context.environment }
  var console: Console { context.environment.console }
  var certificates: CertificateStore { context.certificates }
  var lineages: LineageStore { context.lineages }
  var accounts: AccountStore { context.accounts }
  var events: EventLog { context.events }
  var siteStore: SiteStore { SiteStore(state: context.state) }

  var accountDesk: AccountDesk { AccountDesk(context: context) }
  var certificatesInUse: CertificatesInUse { CertificatesInUse(context: context) }
  var deployer: Deployer { Deployer(context: context) }
  var journal: JournalCleaner { JournalCleaner(context: context) }
  var places: SitePlaces { SitePlaces(context: context) }
  var reporter: LineageReporter { LineageReporter(context: context) }
  var settingsCheck: SettingsCheck { SettingsCheck(context: context) }
  var sites: Sites { Sites(context: context) }
  var useGuard: UseGuard { UseGuard(context: context) }

  /// Runs `body` under the lock of an existing lineage.
  ///
  /// - Throws: `CertctlError` with code `notFound` if the lineage does not exist; the errors of
  ///   `body`.
  func change<T: Sendable>(
    _ name: LineageName, _ body: () async throws -> T
  ) async throws -> T {
    try await reporter.requireLineage(name)
    return try await context.withLineage(name, body)
  }
}
