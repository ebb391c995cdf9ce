import ACME
import ArgumentParser
import Certctl

/// How the names are proved.
struct ValidationOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "\(Catalog.solverTypes.joined(separator: ", ")). Default: "
        + "\(Catalog.usualChallenge(hasProvider: true)) with --dns, else "
        + "\(Catalog.usualChallenge()); names that it cannot prove are proved otherwise.",
      valueName: "type"))
  var challenge: String?

  @Option(
    help: ArgumentHelp(
      "Who makes the records for \(ChallengeSetting.provider.types): certctl dns-providers lists them.",
      valueName: "provider"))
  var dns: String?

  @OptionGroup var servers: DNSServerOptions

  @Option(
    name: .customLong("dns-timeout"),
    help: ArgumentHelp(
      "How long name servers may take to have the records. Default: the provider's.",
      valueName: "seconds"))
  var dnsTimeout: Int?

  @Option(
    name: .customLong("dns-check"),
    help: ArgumentHelp(
      "Where records are looked for before the CA is told to look: servers, resolver, or none. "
        + "Default: servers.", valueName: "where"))
  var dnsCheck: CheckPlace?

  @Option(
    help: ArgumentHelp(
      "For \(ChallengeSetting.webroot.types) through a web server: the folder that it shows as / "
        + "for these names.",
      valueName: "dir"))
  var webroot: String?

  @Option(
    name: .customLong("http-port"),
    help: ArgumentHelp(
      "Port of certctl's own \(ChallengeSetting.httpPort.types) listener. Default: 80.",
      valueName: "port"))
  var httpPort: Int?

  @Option(
    name: .customLong("http-address"),
    help: ArgumentHelp(
      "Address that certctl's own listeners bind. Default: all.", valueName: "address"))
  var httpAddress: String?

  @Option(
    name: .customLong("tls-port"),
    help: ArgumentHelp(
      "Port of certctl's own \(ChallengeSetting.tlsPort.types) listener. Default: 443.",
      valueName: "port"))
  var tlsPort: Int?

  func validate() throws {
    try checkPort(httpPort, of: "--http-port")
    try checkPort(tlsPort, of: "--tls-port")
    if webroot != nil && (httpPort != nil || httpAddress != nil) {
      throw ValidationError(
        "--webroot and a listener of certctl's own (--http-port, --http-address) exclude each other"
      )
    }
    if let dnsTimeout, !(1...86400).contains(dnsTimeout) {
      throw ValidationError("--dns-timeout takes 1 to 86400 seconds")
    }
    if dns == "" { throw ValidationError("--dns is empty: give the name of a provider") }
    if webroot == "" { throw ValidationError("--webroot is empty: give the folder's path") }
  }

  func apply(to overrides: inout SettingsOverrides) {
    overrides.challenge = challenge.map(ChallengeType.init(rawValue:))
    overrides.webroot = webroot.map(absolutePath)
    overrides.httpPort = httpPort
    overrides.httpAddress = httpAddress
    overrides.tlsPort = tlsPort
    overrides.dns = DNSSettings(
      provider: dns, resolver: servers.dnsResolver, port: servers.dnsPort, timeLimit: dnsTimeout,
      check: dnsCheck.flatMap { DNSSettings.Check(rawValue: $0.rawValue) })
  }
}

/// Which DNS servers are asked.
struct DNSServerOptions: ParsableArguments {
  @Option(
    name: .customLong("dns-resolver"),
    help: ArgumentHelp(
      "Resolver to ask, with or without a port. Default: those of this host.",
      valueName: "address"))
  var dnsResolver: String?

  @Option(
    name: .customLong("dns-port"),
    help: ArgumentHelp("Port of the zones' own name servers. Default: 53.", valueName: "port"))
  var dnsPort: Int?

  func validate() throws { try checkPort(dnsPort, of: "--dns-port") }
}

private func checkPort(_ port: Int?, of option: String) throws {
  guard let port, !(1...65535).contains(port) else { return }
  throw ValidationError("\(option) takes a port from 1 to 65535")
}

/// Where records are looked for.
enum CheckPlace: String, ExpressibleByArgument, CaseIterable { case servers, resolver, none }
