import ACME
import CertctlBase
import HostIO
import Logging
import PKI

/// Everything that certctl does, for the command line and for programs.
///
/// One manager serves one state directory. Its methods may run side by side; locks in the state
/// directory keep them, and other processes, out of each other's way.
public struct Manager: Sendable {
  let state: StateDirectory
  let services: Services
  let defaults: Configuration
  let lockTimeout: Duration
  private let configDirectory: String

  /// A manager of a state directory.
  ///
  /// - Parameters:
  ///   - stateDirectory: Its absolute path; it is made at the first write.
  ///   - configuration: The defaults for all lineages.
  ///   - configDirectory: The absolute path of the folder that holds `hooks`.
  ///   - lockTimeout: How long to wait for another process.
  ///   - services: Network, clock, log and the person who watches.
  public init(
    stateDirectory: String, configuration: Configuration = .init(),
    configDirectory: String = "/etc/certctl", lockTimeout: Duration = .seconds(300),
    services: Services
  ) {
    state = StateDirectory(path: stateDirectory)
    defaults = configuration
    self.configDirectory = configDirectory
    self.lockTimeout = lockTimeout
    self.services = services
  }

  var certificates: CertificateStore { CertificateStore(state: state) }
  var lineages: LineageStore { LineageStore(state: state) }
  var accounts: AccountStore { AccountStore(state: state) }
  var events: EventLog { EventLog(state: state) }
  /// The programs of the user that run around a renewal.
  public var hooks: Hooks {
    Hooks(configDirectory: configDirectory, stateDirectory: state.path, services: services)
  }

  /// What solvers work with.
  var solverContext: SolverContext {
    var context = SolverContext(
      services: services, references: defaults.dnsReferences, configDirectory: configDirectory
    ) { zone, change in
      // Services that replace whole record sets would lose what another process has just added.
      let name = String(zone.map { $0 == "/" ? "_" : $0 })
      let lock = try await state.lock("dns-\(name)", wait: lockTimeout, clock: services.clock)
      defer { lock.release() }
      try await change()
    }
    context.memory = AnswerMemory(state: state, clock: services.clock)
    return context
  }

  /// Runs `body` alone on a lineage.
  ///
  /// - Throws: `CertctlError` with code `locked` when another process is at work on it and goes on
  ///   for longer than `wait`, by default the time that the user gave; or what `body` throws.
  func withLineage<T: Sendable>(
    _ name: LineageName, wait: Duration? = nil, _ body: () async throws -> T
  ) async throws -> T {
    let lock = try await lock(name, wait: wait ?? lockTimeout)
    defer { lock.release() }
    try await Blocking.run { state.sweep(name) }
    return try await body()
  }

  /// Runs `body` alone on those of these lineages on which no other process is at work.
  ///
  /// - Throws: What `body` throws.
  func withFreeLineages<T: Sendable>(
    _ names: [LineageName], _ body: ([LineageName]) async throws -> T
  ) async throws -> T {
    var free: [LineageName] = []
    var locks: [FileLock] = []
    defer { for lock in locks { lock.release() } }
    for name in names {
      do {
        locks.append(try await lock(name, wait: .zero))
        free.append(name)
      } catch let error as CertctlError where error.code == .locked {
        services.logger.info("\(error.message)")
      }
    }
    return try await body(free)
  }

  /// The lock of a lineage; says whom it waits for.
  private func lock(_ name: LineageName, wait: Duration) async throws -> FileLock {
    let key = "lineage-\(name)"
    do {
      return try await state.lock(key, wait: .zero, clock: services.clock)
    } catch let error as CertctlError where error.code == .locked && wait > .zero {
      services.progress(.waiting(state.holder(of: key)))
    }
    return try await state.lock(key, wait: wait, clock: services.clock)
  }

  func client(directory: String, caBundle: String?) throws -> ACMEClient {
    ACMEClient(
      directoryURL: directory, http: try services.client(caBundle: caBundle),
      cache: DirectoryFileCache(state: state, clock: services.clock), clock: services.clock,
      logger: services.logger)
  }

  func keeper(
    client: ACMEClient, directory: String, keyType: KeyType = .ec256
  ) -> AccountKeeper {
    AccountKeeper(
      client: client, directory: directory, keyType: keyType, store: accounts,
      clock: services.clock, lockTimeout: lockTimeout)
  }

  /// The registration with the configuration file's defaults behind it.
  func completed(_ registration: Registration) -> Registration {
    var registration = registration
    if registration.emails.isEmpty { registration.emails = defaults.emails }
    if case .notAgreed = registration.terms, defaults.agreesToTerms {
      registration.terms = .agreed
    }
    if let keyID = defaults.externalKeyID, let secret = defaults.externalKey {
      let configDirectory = configDirectory
      let warn = services.warn
      registration.configuredAccount = {
        let key = try await Blocking.run {
          try secret.read(configDirectory: configDirectory, warn: warn)
        }
        return try ExternalAccount(keyID: keyID, encodedKey: key)
      }
    }
    return registration
  }
}
