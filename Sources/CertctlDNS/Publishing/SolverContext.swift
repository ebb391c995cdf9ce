import CertctlBase
package import CertctlCore

/// What solvers work with beside the lineage's own settings.
package struct SolverContext: Sendable {
  /// Network, programs, clock, and the person who watches.
  package let environment: Environment
  /// What certctl.toml says of DNS providers, by the names of their variables.
  let references: [String: String]
  /// The configuration directory.
  package let configDirectory: String
  /// What CAs have seen of late; nil where nothing is remembered.
  package var memory: ResolverCacheLedger?
  /// Runs a change of a zone alone, whichever process wants another one.
  let alone:
    @Sendable (_ zone: String, _ change: @Sendable () async throws -> Void) async throws -> Void

  /// A context.
  ///
  /// - Parameters:
  ///   - environment: The outer world.
  ///   - references: What certctl.toml says of DNS providers.
  ///   - configDirectory: The configuration directory.
  ///   - alone: Runs a change of a zone alone.
  package init(
    environment: Environment, references: [String: String] = [:],
    configDirectory: String = "/etc/certctl",
    alone:
      @escaping @Sendable (
        _ zone: String, _ change: @Sendable () async throws -> Void
      ) async throws -> Void = { try await $1() }
  ) {
    self.environment = environment
    self.references = references
    self.configDirectory = configDirectory
    self.alone = alone
  }

  /// Where settings of DNS providers are found.
  package var credentials: DNSCredentials {
    DNSCredentials(
      environment: environment.variables, configured: references, configDirectory: configDirectory,
      warn: environment.console.warn)
  }

  /// The provider of these settings.
  ///
  /// - Throws: `CertctlError` with code `usage` or `configuration`; no request is made.
  package func provider(_ settings: DNSSettings) async throws -> any DNSProvider {
    try await makeProvider(settings)
  }

  @Disk private func makeProvider(_ settings: DNSSettings) throws -> any DNSProvider {
    let type = try settings.type()
    let values = try credentials.values(of: type.descriptor, for: settings)
    return try type.init(
      DNSProviderContext(
        type.descriptor, values: values, argument: settings.word?.argument, environment: environment
      ))
  }

  /// The DNS by these settings.
  ///
  /// - Throws: `CertctlError` with code `usage` for a resolver that is none.
  package func view(_ settings: DNSSettings?) async throws -> ZoneLocator {
    try await makeView(settings)
  }

  @Disk private func makeView(_ settings: DNSSettings?) throws -> ZoneLocator {
    let own = try settings?.resolver.map { [try DNSSettings.endpoint($0)] }
    return ZoneLocator(
      client: environment.dns, resolvers: own ?? environment.resolvers(),
      port: settings?.port ?? 53,
      mayAskResolver: (settings?.check ?? .servers) != .servers)
  }
}
