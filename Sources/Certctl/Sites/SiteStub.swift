public import ACME
import HostIO

struct NginxBuild: Sendable { init?(versionOutput: String) {} }
struct SitePaths: Sendable { var nginx: String; var certificates: String; var isCopied: Bool }
struct NginxSurroundings: Sendable { init(_ c: NginxConfiguration, ignoring: (String) -> Bool) {} }
public struct Site: Codable, Sendable, Equatable {
  public var hosts: [Identifier]
  public var certificate: String
  public var upstream: String
  public var httpPort = 80, httpsPort = 443
  public var usesDHE: Bool { false }
  public var name: String { hosts[0].baseDomain }
  public var target: String { upstream }
  public init(
    hosts: [Identifier], certificate: String, upstream: String, httpPort: Int, httpsPort: Int
  ) {
    self.hosts = hosts; self.certificate = certificate; self.upstream = upstream
    self.httpPort = httpPort; self.httpsPort = httpsPort
  }
}
struct SiteRenderer: Sendable {
  enum Stage: Sendable { case challengeOnly, complete(isDual: Bool) }
  let build: NginxBuild, paths: SitePaths, surroundings: NginxSurroundings
  func sharedFiles(for sites: [Site], dhParameters: String?) -> [String: String] {
    [
      "certctl/http.conf": "server_tokens off;\n",
      "certctl/challenge.conf":
        "location ^~ /.well-known/acme-challenge/ { root \(paths.nginx)/certctl/challenges; default_type text/plain; }\n",
    ]
  }
  func siteFile(_ site: Site, _ stage: Stage) -> String {
    let names = site.hosts.map(\.value).joined(separator: " ")
    var text = """
      server {
        listen \(site.httpPort);
        server_name \(names);
        include \(paths.nginx)/certctl/challenge.conf;
        location / { return 308 https://$server_name:\(site.httpsPort)$request_uri; }
      }

      """
    if case .complete = stage {
      text += """
        server {
          listen \(site.httpsPort) ssl;
          server_name \(names);
          ssl_certificate \(paths.certificates)/\(site.certificate)/fullchain.pem;
          ssl_certificate_key \(paths.certificates)/\(site.certificate)/privkey.pem;
          location / { proxy_pass \(site.upstream); }
        }

        """
    }
    return text
  }
}
