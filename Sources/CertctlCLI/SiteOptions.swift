import ACME
import ArgumentParser
import CertctlCore
import CertctlServing

extension SiteTemplate: ExpressibleByArgument {}
extension SiteTLS: ExpressibleByArgument {}

/// The options that say what a site does.
struct SiteOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "The certificate, by its name. Default: the one that is named as the first host.",
      valueName: "name"))
  var certificate: String?

  @Option(help: ArgumentHelp("Serve the files of a folder instead.", valueName: "dir"))
  var root: String?

  @Option(
    help: ArgumentHelp(
      "Something else for a part of the site: /api/=http://api:8080 for all below a path, "
        + "/health=http://api:8080 for one, /files/=/srv/files for a folder. May be repeated.",
      valueName: "path=upstream"))
  var location: [String] = []

  @Option(
    help: ArgumentHelp(
      "The kind of application. proxy: web pages; websocket: connections that stay open; media: "
        + "streams; upload: big files; static: a folder. Default: proxy, or static with --root.",
      valueName: "kind"))
  var template: SiteTemplate?

  @Option(help: "Who can connect: modern is TLS 1.3 only.")
  var tls = SiteTLS.intermediate

  @Flag(help: "Serve TLS 1.2 clients without elliptic curves too; no current client needs it.")
  var dhe = false

  @Flag(
    help: "Have browsers use HTTPS only, for five minutes at first and two years after a month.")
  var hsts = false

  @Flag(name: .customLong("hsts-subdomains"), help: "The same for all names below.")
  var hstsSubdomains = false

  @Flag(help: "Offer HTTP/3, where nginx has it.")
  var http3 = false

  @Flag(
    name: .customLong("redirect-www"),
    help: "Lead the name with www. to the one without, or the other way: the first host stays.")
  var redirectsWWW = false

  @Flag(name: .customLong("no-websockets"), help: "Do not let connections change to websockets.")
  var noWebsockets = false

  @Option(
    name: .customLong("body-size"),
    help: ArgumentHelp(
      "The biggest request: 500m, 2g, or 0 for no limit. Default: 100m.", valueName: "size"))
  var bodySize: String?

  @Option(
    help: ArgumentHelp(
      "How long to wait for the upstream's next bytes. Default: 60.", valueName: "seconds"))
  var timeout: Int?

  @Option(
    name: .customLong("basic-auth"),
    help: ArgumentHelp(
      "Ask for a name and password of this file, as htpasswd writes it.", valueName: "file"))
  var passwordFile: String?

  @Flag(name: .customLong("upstream-verify"), help: "Check the certificates of https upstreams.")
  var verifiesUpstream = false

  @Option(
    name: .customLong("upstream-ca"),
    help: ArgumentHelp(
      "CA certificates for that, as PEM. Default: the system's, of Debian's place.",
      valueName: "file"))
  var upstreamCA: String?

  @Option(
    name: .customLong("upstream-name"),
    help: ArgumentHelp("The name in an https upstream's certificate.", valueName: "name"))
  var upstreamName: String?

  @Option(
    name: .customLong("listen-http"),
    help: ArgumentHelp("Port for challenges and the redirect.", valueName: "port"))
  var httpPort = 80

  @Option(
    name: .customLong("listen-https"), help: ArgumentHelp("Port for HTTPS.", valueName: "port"))
  var httpsPort = 443

  func validate() throws {
    if upstreamCA != nil && !verifiesUpstream {
      throw ValidationError("--upstream-ca is for --upstream-verify")
    }
    for (option, value) in [
      ("--root", root), ("--basic-auth", passwordFile), ("--upstream-ca", upstreamCA),
    ] where value == "" {
      throw ValidationError("\(option) is empty: give a path")
    }
  }

  /// The site that these options describe.
  ///
  /// - Parameters:
  ///   - hosts: Its names, with commas between them.
  ///   - upstream: Where requests go; nil with `--root`.
  /// - Returns: The site.
  /// - Throws: `CertctlError` with code `usage`, `ACMEError` for a name.
  func site(hosts: String, upstream: String?) throws -> Site {
    let names = try hosts.split(separator: ",", omittingEmptySubsequences: false)
      .map { try Identifier(parsing: String($0)) }
    let content: SiteContent
    switch (upstream, root) {
    case (let upstream?, nil): content = try SiteContent(upstream)
    case (nil, let root?): content = try SiteContent(absolutePath(root))
    case (nil, nil):
      throw CertctlError(
        .usage, "\(names[0]) needs something to show",
        hint: "give an upstream, such as http://127.0.0.1:8080, or a folder by --root")
    case (_?, _?):
      throw CertctlError(
        .usage, "an upstream and --root exclude each other",
        hint: "give one of them for the site, and the other one for a part of it by --location")
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
