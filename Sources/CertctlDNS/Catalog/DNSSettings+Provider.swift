package import CertctlCore
import CertctlSystem

extension DNSSettings {
  /// Checks the provider and the resolver.
  ///
  /// - Throws: `CertctlError` with code `usage`.
  package func validate() throws {
    if provider != nil { _ = try type() }
    if let resolver { _ = try Self.endpoint(resolver) }
  }

  /// Returns the type of the provider.
  ///
  /// - Throws: `CertctlError` with code `usage` for an unknown provider or a wrong argument.
  package func type() throws -> any DNSProvider.Type {
    guard let (name, argument) = word else {
      throw CertctlError(
        .usage, "dns-01 requires a DNS provider",
        hint: "use --dns PROVIDER; for a list, run: certctl dns-providers")
    }
    guard let type = DNSProviderCatalog.named(name) else {
      let near = DNSProviderCatalog.all.map { $0.descriptor.name }.filter {
        $0.hasPrefix(name.prefix(3).lowercased()) || name.lowercased().hasPrefix($0.prefix(3))
      }
      throw CertctlError(
        .usage, "no DNS provider '\(name)'",
        hint: near.isEmpty
          ? "for a list, run: certctl dns-providers; for other services, use httpreq, exec:PATH "
            + "or acmesh:dns_NAME"
          : "use \(near.joined(separator: " or ")), or run: certctl dns-providers"
      )
    }
    if let argument, type.descriptor.argument == nil || argument.isEmpty {
      throw CertctlError(
        .usage,
        argument.isEmpty
          ? "no argument after the colon of --dns \(name):"
          : "--dns \(name) takes no argument")
    }
    return type
  }
}
