import CertctlCore
import CertctlServing
import CertctlStore
import CertctlSystem

/// One thing that certctl does, for the command line or for another program.
package protocol Operation: Sendable {
  /// What there is to tell of it afterwards.
  associatedtype Report: Sendable

  /// Does it.
  ///
  /// - Throws: Any error; `Context.run` puts it into certctl's words.
  func run(in context: Context) async throws -> Report
}

extension Context {
  /// Runs an operation.
  ///
  /// - Throws: `CertctlError`; or `CancellationError` when the task is cancelled, after all that was
  ///   presented is taken back.
  package func run<O: Operation>(_ operation: O) async throws -> O.Report {
    try await attempt { try await operation.run(in: self) }.get()
  }
}

/// What several operations share: a part of them that has the context at hand.
protocol ContextPart: Sendable {
  /// What it works with.
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

  /// Runs `body` alone on a lineage that is there.
  ///
  /// - Throws: `CertctlError` with code `notFound` when there is none; or what `body` throws.
  func change<T: Sendable>(
    _ name: LineageName, _ body: () async throws -> T
  ) async throws -> T {
    try await reporter.requireLineage(name)
    return try await context.withLineage(name, body)
  }
}
