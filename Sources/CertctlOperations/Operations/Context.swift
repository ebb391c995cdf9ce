import ACME
import CertctlBase
package import CertctlCore
import CertctlCrypto
import CertctlDNS
import CertctlStore
import CertctlSystem
import Logging

/// What an operation works with: what is on disk, the outer world, and the defaults.
///
/// It is passed down and never up: nothing that it holds knows an operation. Operations of one context
/// may run side by side; locks in the state directory keep them, and other processes, out of each
/// other's way.
package struct Context: Sendable {
  let state: StateDirectory
  package let environment: Environment
  let defaults: Configuration
  let lockTimeout: Duration
  let configDirectory: String

  /// A context of a state directory.
  ///
  /// - Parameters:
  ///   - stateDirectory: Its absolute path; it is made at the first write.
  ///   - configuration: The defaults for all lineages.
  ///   - configDirectory: The absolute path of the folder that holds `hooks`.
  ///   - lockTimeout: How long to wait for another process.
  ///   - environment: Network, clock, log and the person who watches.
  package init(
    stateDirectory: String, configuration: Configuration = .init(),
    configDirectory: String = "/etc/certctl", lockTimeout: Duration = .seconds(300),
    environment: Environment
  ) {
    state = StateDirectory(path: stateDirectory)
    defaults = configuration
    self.configDirectory = configDirectory
    self.lockTimeout = lockTimeout
    self.environment = environment
  }

  /// The same with another outer world.
  func with(_ environment: Environment) -> Context {
    Context(
      stateDirectory: state.path, configuration: defaults, configDirectory: configDirectory,
      lockTimeout: lockTimeout, environment: environment)
  }

  var certificates: CertificateStore { CertificateStore(state: state) }
  var lineages: LineageStore { LineageStore(state: state) }
  var accounts: AccountStore { AccountStore(state: state) }
  var events: EventLog { EventLog(state: state) }
  /// The programs of the user that run around a renewal.
  package var hooks: Hooks {
    Hooks(configDirectory: configDirectory, stateDirectory: state.path, environment: environment)
  }

  /// What solvers work with.
  var solverContext: SolverContext {
    var solver = SolverContext(
      environment: environment, references: defaults.dnsReferences, configDirectory: configDirectory
    ) { zone, change in
      // Services that replace whole record sets would lose what another process has just added.
      let name = String(zone.map { $0 == "/" ? "_" : $0 })
      let lock = try await state.lock("dns-\(name)", wait: lockTimeout, clock: environment.clock)
      defer { lock.release() }
      try await change()
    }
    solver.memory = ResolverCacheLedger(state: state, clock: environment.clock)
    return solver
  }

  func save(_ lineage: Lineage) async throws {
    try await lineages.save(lineage)
  }

  /// The client of a CA.
  func client(directory: String, caBundle: String?) throws -> ACMEClient {
    ACMEClient(
      directoryURL: directory, http: try environment.client(caBundle: caBundle),
      cache: DirectoryFileCache(state: state, clock: environment.clock), clock: environment.clock,
      logger: environment.console.logger)
  }
}
