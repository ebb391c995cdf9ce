package import CertctlCore
import CertctlSystem

extension DNSSettings {
  /// Checks the words that a person typed.
  ///
  /// - Throws: `CertctlError` with code `usage`.
  package func validate() throws {
    if provider != nil { _ = try type() }
    if let resolver { _ = try Self.endpoint(resolver) }
  }

  /// The provider.
  ///
  /// - Throws: `CertctlError` with code `usage` for a word that is none.
  package func type() throws -> any DNSProvider.Type {
    guard let (name, argument) = word else {
      throw CertctlError(
        .usage, "dns-01 needs to know who edits the zone",
        hint: "add --dns PROVIDER; certctl dns-providers lists them")
    }
    guard let type = DNSProviderCatalog.named(name) else {
      let near = DNSProviderCatalog.all.map { $0.descriptor.name }.filter {
        $0.hasPrefix(name.prefix(3).lowercased()) || name.lowercased().hasPrefix($0.prefix(3))
      }
      throw CertctlError(
        .usage, "there is no DNS provider '\(name)'",
        hint: (near.isEmpty ? "" : "do you mean \(near.joined(separator: " or "))? ")
          + "certctl dns-providers lists all; httpreq, exec:PATH and acmesh:dns_NAME reach others")
    }
    if let argument, type.descriptor.argument == nil || argument.isEmpty {
      throw CertctlError(
        .usage,
        argument.isEmpty
          ? "nothing stands after the colon of --dns \(name):"
          : "--dns \(name) takes nothing after a colon")
    }
    return type
  }
}
