import CertctlBase
package import CertctlCore

/// The environment of the solvers, besides the settings of the lineage.
package struct SolverContext: Sendable {
  /// The network, the clock, the programs and the console.
  package let environment: Environment
  /// The DNS provider settings of certctl.toml, keyed by variable name.
  let references: [String: String]
  /// The configuration directory.
  package let configDirectory: String
  /// The record of names that resolvers may have cached; nil to keep none.
  package var memory: ResolverCacheLedger?
  /// Runs a change while no other process changes the zone.
  let alone:
    @Sendable (_ zone: String, _ change: @Sendable () async throws -> Void) async throws -> Void

  /// Creates a context.
  ///
  /// - Parameters:
  ///   - environment: The network, the clock, the programs and the console.
  ///   - references: The DNS provider settings of certctl.toml.
  ///   - configDirectory: The configuration directory.
  ///   - alone: Runs a change while no other process changes the zone.
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

  /// The lookup of DNS provider settings.
  package var credentials: DNSCredentials {
    DNSCredentials(
      environment: environment.variables, configured: references, configDirectory: configDirectory,
      warn: environment.console.warn)
  }

  /// Creates the provider of these settings, without sending a request.
  ///
  /// - Throws: `CertctlError` with code `usage` or `configuration`.
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

  /// Creates the zone lookup for these settings.
  ///
  /// - Throws: `CertctlError` with code `usage` for an invalid resolver address.
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
