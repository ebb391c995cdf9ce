import ACME
import ArgumentParser
import CertctlCore
import CertctlServing

extension SiteTemplate: ExpressibleByArgument {}
extension SiteTLS: ExpressibleByArgument {}

/// The options of a site.
struct SiteOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Name of the certificate. Default: the first host name.",
      valueName: "name"))
  var certificate: String?

  @Option(
    help: ArgumentHelp("Serve files from this directory instead of an upstream.", valueName: "dir"))
  var root: String?

  @Option(
    help: ArgumentHelp(
      "Other upstream or directory for a path: /api/=http://api:8080 (prefix), "
        + "/health=http://api:8080 (exact path) or /files/=/srv/files. May be repeated.",
      valueName: "path=upstream"))
  var location: [String] = []

  @Option(
    help: ArgumentHelp(
      "Kind of application. proxy: web pages; websocket: long-lived connections; media: "
        + "streaming; upload: large files; static: files. Default: proxy, or static with --root.",
      valueName: "kind"))
  var template: SiteTemplate?

  @Option(help: "TLS policy; modern allows TLS 1.3 only.")
  var tls = SiteTLS.intermediate

  @Flag(help: "Enable DHE ciphers for old TLS 1.2 clients (rarely needed).")
  var dhe = false

  @Flag(
    help: "Enable HSTS; max-age grows from five minutes to two years within a month.")
  var hsts = false

  @Flag(name: .customLong("hsts-subdomains"), help: "Enable HSTS for all subdomains.")
  var hstsSubdomains = false

  @Flag(help: "Enable HTTP/3 if nginx supports it.")
  var http3 = false

  @Flag(
    name: .customLong("redirect-www"),
    help: "Redirect www.HOST to HOST, or the reverse if the first host begins with www.")
  var redirectsWWW = false

  @Flag(name: .customLong("no-websockets"), help: "Disable WebSocket upgrades.")
  var noWebsockets = false

  @Option(
    name: .customLong("body-size"),
    help: ArgumentHelp(
      "Maximum request size: 500m, 2g, or 0 for no limit. Default: 100m.", valueName: "size"))
  var bodySize: String?

  @Option(
    help: ArgumentHelp(
      "Read timeout of the upstream. Default: 60.", valueName: "seconds"))
  var timeout: Int?

  @Option(
    name: .customLong("basic-auth"),
    help: ArgumentHelp(
      "Require a password from this htpasswd file.", valueName: "file"))
  var passwordFile: String?

  @Flag(name: .customLong("upstream-verify"), help: "Verify the certificates of https upstreams.")
  var verifiesUpstream = false

  @Option(
    name: .customLong("upstream-ca"),
    help: ArgumentHelp(
      "PEM file of CAs for --upstream-verify. Default: /etc/ssl/certs/ca-certificates.crt.",
      valueName: "file"))
  var upstreamCA: String?

  @Option(
    name: .customLong("upstream-name"),
    help: ArgumentHelp("Name to expect in the upstream's certificate.", valueName: "name"))
  var upstreamName: String?

  @Option(
    name: .customLong("listen-http"),
    help: ArgumentHelp("Port for HTTP: challenges and the redirect.", valueName: "port"))
  var httpPort = 80

  @Option(
    name: .customLong("listen-https"), help: ArgumentHelp("Port for HTTPS.", valueName: "port"))
  var httpsPort = 443

  func validate() throws {
    if upstreamCA != nil && !verifiesUpstream {
      throw ValidationError("--upstream-ca requires --upstream-verify")
    }
    for (option, value) in [
      ("--root", root), ("--basic-auth", passwordFile), ("--upstream-ca", upstreamCA),
    ] where value == "" {
      throw ValidationError("\(option) requires a path")
    }
  }

  /// Returns the site that these options describe.
  ///
  /// - Parameters:
  ///   - hosts: The host names, separated by commas.
  ///   - upstream: The upstream; nil with `--root`.
  /// - Returns: The site.
  /// - Throws: `CertctlError` with code `usage`; `ACMEError` for an invalid name.
  func site(hosts: String, upstream: String?) throws -> Site {
    let names = try hosts.split(separator: ",", omittingEmptySubsequences: false)
      .map { try Identifier(parsing: String($0)) }
    let content: SiteContent
    switch (upstream, root) {
    case (let upstream?, nil): content = try SiteContent(upstream)
    case (nil, let root?): content = try SiteContent(absolutePath(root))
    case (nil, nil):
      throw CertctlError(
        .usage, "\(names[0]) has no upstream",
        hint: "add an upstream, such as http://127.0.0.1:8080, or use --root DIR")
    case (_?, _?):
      throw CertctlError(
        .usage, "an upstream and --root cannot be combined",
        hint: "use --root DIR with --location /PATH/=UPSTREAM")
    }
    return try Site(
      hosts: names, certificate: certificate, content: content,
      locations: location.map { try SiteLocation($0) }, settings: settings(content))
  }

  private func settings(_ content: SiteContent) -> SiteSettings {
    SiteSettings { settings in
      if case .folder = content {
        settings.template = template ?? .static
      } else {
        settings.template = template ?? .proxy
      }
      settings.httpPort = httpPort
      settings.httpsPort = httpsPort
      settings.tls = tls
      settings.usesDHE = dhe
      settings.hsts =
        hsts || hstsSubdomains ? SiteHSTS(includesSubdomains: hstsSubdomains) : nil
      settings.usesHTTP3 = http3
      settings.passesWebsockets = !noWebsockets
      settings.bodySize = bodySize
      settings.timeout = timeout
      settings.passwordFile = passwordFile.map(absolutePath)
      settings.redirectsWWW = redirectsWWW
      settings.verifiesUpstream = verifiesUpstream
      settings.upstreamCA = upstreamCA.map(absolutePath)
      settings.upstreamName = upstreamName
    }
  }
}
