import CertctlCore
import CertctlSystem

/// The catalog of DNS providers: each has one file and one line here.
package enum DNSProviderCatalog {
  /// All providers, sorted by name.
  package static let all: [any DNSProvider.Type] = [
    AcmeDNS.self,
    AcmeSh.self,
    AzureDNS.self,
    Bunny.self,
    CertbotHook.self,
    Cloudflare.self,
    DehydratedHook.self,
    DeSEC.self,
    DigitalOcean.self,
    DNSimple.self,
    LegoExec.self,
    Gandi.self,
    GoogleCloud.self,
    GoDaddy.self,
    Hetzner.self,
    HTTPRequestProvider.self,
    Infomaniak.self,
    INWX.self,
    IONOS.self,
    Linode.self,
    ManualRecords.self,
    Namecheap.self,
    Netcup.self,
    OVH.self,
    PowerDNS.self,
    Porkbun.self,
    RFC2136.self,
    Route53.self,
    Scaleway.self,
    UacmeHook.self,
    Vultr.self,
  ]

  /// Returns the DNS provider with a name or alias; nil if there is none.
  package static func named(_ word: String) -> (any DNSProvider.Type)? {
    all.first { $0.descriptor.name == word || $0.descriptor.aliases.contains(word) }
  }

  /// Converts a provider setting of certctl.toml: a reference for a secret, a value for others.
  ///
  /// - Parameters:
  ///   - name: The name of the variable.
  ///   - text: The text in certctl.toml.
  /// - Returns: The text in the format of `DNSSettings.references`.
  /// - Throws: `CertctlError` with code `configuration` for an unknown variable, or for a secret
  ///   that is in the file itself.
  package static func reference(_ name: String, _ text: String) throws -> String {
    let settings = all.flatMap { $0.descriptor.settings }.filter {
      $0.name == name || $0.aliases.contains(name)
    }
    guard !settings.isEmpty else {
      throw CertctlError(
        .configuration, "no DNS provider has a setting '\(name)'",
        hint: "run: certctl dns-providers PROVIDER")
    }
    guard settings.contains(where: \.isSecret) else { return "value:\(text)" }
    _ = try SecretReference(text)
    return text
  }
}
