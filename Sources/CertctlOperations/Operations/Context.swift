import ACME
import CertctlBase
package import CertctlCore
import CertctlCrypto
import CertctlDNS
import CertctlStore
import CertctlSystem
import Logging

/// The dependencies of an operation: state directory, environment and defaults.
///
/// It is only passed down: nothing in it refers to an operation. Operations of one context may run
/// concurrently; locks in the state directory keep them and other processes apart.
package struct Context: Sendable {
  let state: StateDirectory
  package let environment: Environment
  let defaults: Configuration
  let lockTimeout: Duration
  let configDirectory: String

  /// Creates a context for a state directory.
  ///
  /// - Parameters:
  ///   - stateDirectory: Its absolute path; the directory is created with the first write.
  ///   - configuration: The defaults for all lineages.
  ///   - configDirectory: The absolute path of the directory with `hooks`.
  ///   - lockTimeout: The maximum wait for another process.
  ///   - environment: Network, clock, log and console.
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
  /// The user's programs that run around a renewal.
  package var hooks: Hooks {
    Hooks(configDirectory: configDirectory, stateDirectory: state.path, environment: environment)
  }

  /// The dependencies of solvers.
  var solverContext: SolverContext {
    var solver = SolverContext(
      environment: environment, references: defaults.dnsReferences, configDirectory: configDirectory
    ) { zone, change in
      // A provider that replaces record sets would lose a record that another process just added.
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

  /// Returns the client for a CA.
  func client(directory: String, caBundle: String?) throws -> ACMEClient {
    ACMEClient(
      directoryURL: directory, http: try environment.client(caBundle: caBundle),
      cache: DirectoryFileCache(state: state, clock: environment.clock), clock: environment.clock,
      logger: environment.console.logger)
  }
}
