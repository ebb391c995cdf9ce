import CertctlCore
import CertctlSystem

/// Every DNS service that certctl can edit: one file and one line here for each.
package enum DNSProviderCatalog {
  /// All of them, in the order of their names.
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

  /// The DNS provider of a word; nil when there is none.
  package static func named(_ word: String) -> (any DNSProvider.Type)? {
    all.first { $0.descriptor.name == word || $0.descriptor.aliases.contains(word) }
  }

  /// What certctl.toml says of a provider's setting: a value where it is no secret, else a reference.
  ///
  /// - Parameters:
  ///   - name: The variable's name.
  ///   - text: The text of the file.
  /// - Returns: The text as `DNSSettings` keeps it.
  /// - Throws: `CertctlError` with code `configuration` for a variable that no provider has, or a
  ///   secret that stands in the file itself.
  package static func reference(_ name: String, _ text: String) throws -> String {
    let settings = all.flatMap { $0.descriptor.settings }.filter {
      $0.name == name || $0.aliases.contains(name)
    }
    guard !settings.isEmpty else {
      throw CertctlError(
        .configuration, "no DNS provider has a setting '\(name)'",
        hint: "certctl dns-providers NAME tells the settings of each")
    }
    guard settings.contains(where: \.isSecret) else { return "value:\(text)" }
    _ = try SecretReference(text)
    return text
  }
}
