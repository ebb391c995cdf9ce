import HostIO

/// What solvers work with beside the lineage's own settings.
public struct SolverContext: Sendable {
  /// Network, programs, clock, and the person who watches.
  let services: Services
  /// What certctl.toml says of DNS providers, by the names of their variables.
  let references: [String: String]
  /// The configuration directory.
  let configDirectory: String

  /// A context.
  ///
  /// - Parameters:
  ///   - services: The outer world.
  ///   - references: What certctl.toml says of DNS providers.
  ///   - configDirectory: The configuration directory.
  package init(
    services: Services, references: [String: String] = [:],
    configDirectory: String = "/etc/certctl"
  ) {
    self.services = services
    self.references = references
    self.configDirectory = configDirectory
  }

  /// Where settings of DNS providers are found.
  var credentials: DNSCredentials {
    DNSCredentials(
      environment: services.environment, configured: references, configDirectory: configDirectory)
  }

  /// The DNS by these settings; blocks for the time of reading a small file.
  ///
  /// - Throws: `CertctlError` with code `usage` for a resolver that is none.
  func view(_ settings: DNSSettings?) throws -> DNSView {
    let own = try settings?.resolver.map { [try DNSSettings.endpoint($0)] }
    return DNSView(
      client: services.dns, resolvers: own ?? services.resolvers(), port: settings?.port ?? 53)
  }
}
