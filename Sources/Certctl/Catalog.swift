import ACME
import CertctlBase

/// Everything that certctl can be extended by: one file and one line here for each.
package enum Catalog {
  /// The certificate authorities that have a name of their own.
  package static let authorities: [CertificateAuthority] = [
    .init(
      name: "letsencrypt", title: "Let's Encrypt",
      directory: "https://acme-v02.api.letsencrypt.org/directory",
      dryRun: "letsencrypt-staging"),
    .init(
      name: "letsencrypt-staging", title: "Let's Encrypt (staging)",
      directory: "https://acme-staging-v02.api.letsencrypt.org/directory"),
    .init(
      name: "google", title: "Google Trust Services",
      directory: "https://dv.acme-v02.api.pki.goog/directory"),
    .init(name: "zerossl", title: "ZeroSSL", directory: "https://acme.zerossl.com/v2/DV90"),
    .init(
      name: "sslcom", title: "SSL.com", directory: "https://acme.ssl.com/sslcom-dv-ecc",
      rsaDirectory: "https://acme.ssl.com/sslcom-dv-rsa"),
    .init(
      name: "actalis", title: "Actalis",
      directory: "https://acme-api.actalis.com/acme/directory"),
  ]

  /// The solvers, by the challenge type and settings that they serve.
  package static let solvers: [any ChallengeSolver.Type] = [
    WebrootSolver.self, StandaloneHTTPSolver.self, TLSALPNSolver.self, DNSSolver.self,
    DNSPersistSolver.self,
  ]

  /// The DNS services, in the order of their names.
  package static let dnsProviders: [any DNSProvider.Type] = [
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
  package static func dnsProvider(_ word: String) -> (any DNSProvider.Type)? {
    dnsProviders.first { $0.descriptor.name == word || $0.descriptor.aliases.contains(word) }
  }

  /// What certctl.toml says of a provider's setting: a value where it is no secret, else a reference.
  ///
  /// - Parameters:
  ///   - name: The variable's name.
  ///   - text: The text of the file.
  /// - Returns: The text as `DNSSettings` keeps it.
  /// - Throws: `CertctlError` with code `configuration` for a variable that no provider has, or a
  ///   secret that stands in the file itself.
  static func dnsReference(_ name: String, _ text: String) throws -> String {
    let settings = dnsProviders.flatMap { $0.descriptor.settings }.filter {
      $0.name == name || $0.aliases.contains(name)
    }
    guard !settings.isEmpty else {
      throw CertctlError(
        .configuration, "no DNS provider has a setting '\(escapedForTerminal(name))'",
        hint: "certctl dns-providers NAME tells the settings of each")
    }
    guard settings.contains(where: \.isSecret) else { return "value:\(text)" }
    _ = try SecretReference(text)
    return text
  }

  /// The challenge types that there is a solver for, as words.
  package static var solverTypes: [String] {
    Set(solvers.flatMap { $0.types.map(\.rawValue) }).sorted()
  }

  /// The solver for these settings.
  ///
  /// - Throws: `CertctlError` with code `usage` when no solver serves them.
  package static func solver(
    for settings: ChallengeSettings, in context: SolverContext
  ) throws -> any ChallengeSolver {
    guard let type = solvers.first(where: { $0.serves(settings) }) else {
      throw CertctlError(
        .usage,
        "this version of certctl cannot prove names by \(escapedForTerminal(settings.type.rawValue))",
        hint: "--challenge takes one of: \(solverTypes.joined(separator: ", "))")
    }
    return type.init(settings: settings, context: context)
  }
}
