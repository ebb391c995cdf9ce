import ACME
import ArgumentParser
import Certctl

struct SiteOptions: ParsableArguments {
  @Option(name: .customLong("listen-http")) var httpPort = 80
  @Option(name: .customLong("listen-https")) var httpsPort = 443
  func site(hosts: String, upstream: String?) throws -> Site {
    let hosts = try hosts.split(separator: ",").map { try Identifier(parsing: String($0)) }
    return Site(
      hosts: hosts, certificate: hosts[0].baseDomain, upstream: upstream ?? "", httpPort: httpPort,
      httpsPort: httpsPort)
  }
}
