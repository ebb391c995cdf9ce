import ACME
import HostIO

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
    WebrootSolver.self, StandaloneHTTPSolver.self, TLSALPNSolver.self,
  ]

  /// The DNS services, in the order of their names.
  package static let dnsProviders: [any DNSProvider.Type] = [
    AcmeDNS.self,
    Bunny.self,
    Cloudflare.self,
    DeSEC.self,
    DigitalOcean.self,
    DNSimple.self,
    Gandi.self,
    GoDaddy.self,
    Hetzner.self,
    HTTPRequestProvider.self,
    Infomaniak.self,
    INWX.self,
    IONOS.self,
    Linode.self,
    Netcup.self,
    OVH.self,
    PowerDNS.self,
    Porkbun.self,
    Scaleway.self,
    Vultr.self,
  ]

  /// The challenge types that there is a solver for, as words.
  package static var solverTypes: [String] { Set(solvers.map { $0.type.rawValue }).sorted() }

  /// The solver for these settings.
  ///
  /// - Throws: `CertctlError` with code `usage` when no solver serves them.
  package static func solver(for settings: ChallengeSettings) throws -> any ChallengeSolver {
    guard let type = solvers.first(where: { $0.serves(settings) }) else {
      throw CertctlError(
        .usage,
        "this version of certctl cannot prove names by \(escapedForTerminal(settings.type.rawValue))",
        hint: "--challenge takes one of: \(solverTypes.joined(separator: ", "))")
    }
    return type.init(settings: settings)
  }
}
