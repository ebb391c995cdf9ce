import ACME
import FoundationEssentials

/// Writes the nginx files of sites for a particular nginx.
///
/// The files are meant to be read: a site's file shows how a request is handled, and the settings
/// that all sites share are in the shared files.
package struct SiteRenderer: Sendable {
  /// The completeness of a site.
  package enum Stage: Sendable, Equatable {
    /// Only HTTP, which serves ACME challenges, because there is no certificate yet.
    case challengeOnly
    /// The complete site, with one certificate or with two (ECDSA and RSA).
    case complete(isDual: Bool)
  }

  let build: NginxBuild
  let paths: SitePaths
  let surroundings: ExistingNginxConfiguration
  /// The current time, from which the HSTS max-age follows.
  let now: Date

  /// Creates a renderer.
  init(build: NginxBuild, paths: SitePaths, surroundings: ExistingNginxConfiguration, now: Date) {
    self.build = build
    self.paths = paths
    self.surroundings = surroundings
    self.now = now
  }

  /// Returns the contents of `sites-available/<site>.conf`.
  func siteFile(_ site: Site, _ stage: Stage) -> String {
    var text = NginxText()
    text.comment("\(site.hosts.map(\.value).joined(separator: ", ")): \(site.content)")
    guard case .complete(let isDual) = stage else {
      text.comment("There is no certificate yet: this server only answers ACME challenges.")
      text.gap()
      plainServer(site.hosts.map(\.value), site, into: &text) { text in
        text.add("return", "503")
      }
      return text.text
    }
    let routes = SiteRoutes(site, build, surroundings.machine)
    for group in routes.groups {
      text.gap()
      write(group, into: &text)
    }
    redirects(site, into: &text)
    let other = site.settings.redirectsWWW ? site.otherForm : nil
    if let other {
      text.gap()
      tlsServer([other], site, isDual, into: &text) { text in
        text.gap()
        text.block("location /") { text in
          text.add("return", "308", "\(site.url(site.hosts[0].value))$request_uri")
        }
      }
    }
    text.gap()
    let names = site.hosts.map(\.value).filter { $0 != other }
    tlsServer(names, site, isDual, into: &text) { text in
      content(site, routes, into: &text)
    }
    return text.text
  }

  // MARK: - Servers

  /// Writes the HTTP servers, which redirect each name to its HTTPS URL.
  private func redirects(_ site: Site, into text: inout NginxText) {
    for host in site.hosts {
      text.gap()
      let isOther = site.settings.redirectsWWW && host.value == site.otherForm
      let target = isOther ? site.hosts[0].value : host.isWildcard ? "$host" : host.value
      plainServer([host.value], site, into: &text) { text in
        if host.isWildcard { text.comment("nginx matched this name against the wildcard.") }
        text.add("return", "308", "\(site.url(target))$request_uri")
      }
    }
  }

  private func plainServer(
    _ names: [String], _ site: Site, into text: inout NginxText,
    _ body: (inout NginxText) -> Void
  ) {
    text.block("server") { text in
      for address in surroundings.addresses(site.httpPort, isTLS: false) {
        text.add("listen", endpoint(address, site.httpPort))
      }
      text.add("server_name", names.joined(separator: " "))
      text.add("include", paths.shared("server.conf"))
      text.add("include", paths.shared("challenge.conf"))
      text.gap()
      text.block("location /") { body(&$0) }
    }
  }

  private func tlsServer(
    _ names: [String], _ site: Site, _ isDual: Bool, into text: inout NginxText,
    _ body: (inout NginxText) -> Void
  ) {
    text.block("server") { text in
      for address in surroundings.addresses(site.httpsPort, isTLS: true) {
        text.add("listen", endpoint(address, site.httpsPort), tlsWords(address, site.httpsPort))
      }
      if offersHTTP3(site) {
        for address in quicAddresses {
          text.add("listen", endpoint(address, site.httpsPort), "quic")
        }
      }
      if build.hasHTTP2Directive { text.add("http2", "on") }
      text.add("server_name", names.joined(separator: " "))
      text.gap()
      for isRSA in isDual ? [false, true] : [false] {
        let pair = paths.pair(site.certificate, isRSA: isRSA)
        text.add("ssl_certificate", pair.certificate)
        text.add("ssl_certificate_key", pair.key)
      }
      text.gap()
      text.add("include", paths.shared(tlsFile(site.settings)))
      text.add("include", paths.shared("server.conf"))
      text.add("include", paths.shared("headers.conf"))
      text.add("include", paths.shared("challenge.conf"))
      siteHeaders(site, into: &text)
      body(&text)
    }
  }

  /// Writes the headers that differ between sites.
  private func siteHeaders(_ site: Site, into text: inout NginxText) {
    if let hsts = site.settings.hsts {
      text.gap()
      let age = hsts.age(at: now)
      text.comment("HSTS (RFC 6797). certctl raises max-age in steps, up to two years.")
      let scope = hsts.includesSubdomains ? "; includeSubDomains" : ""
      text.add("add_header", "Strict-Transport-Security", "\"max-age=\(age)\(scope)\"", "always")
      text.add("proxy_hide_header", "Strict-Transport-Security")
    }
    if offersHTTP3(site) {
      text.gap()
      text.add("add_header", "Alt-Svc", "'h3=\":\(site.httpsPort)\"; ma=86400'", "always")
    }
  }

  // MARK: - Parameters

  /// Returns an address and port in the form of `listen`.
  func endpoint(_ address: String, _ port: Int) -> String {
    address == "*" ? "\(port)" : "\(address):\(port)"
  }

  /// Returns the parameters of a `listen` with TLS.
  func tlsWords(_ address: String, _ port: Int) -> String {
    // With this nginx, the first file decides for all servers of an address.
    let isOdd = build.comparesListens && surroundings.lacksHTTP2(address, port)
    return build.hasHTTP2 && !build.hasHTTP2Directive && !isOdd ? "ssl http2" : "ssl"
  }

  /// Returns the name of the shared file with a site's TLS policy.
  func tlsFile(_ settings: SiteSettings) -> String {
    "tls-\(settings.tls.rawValue)\(settings.usesDHE ? "-dhe" : "").conf"
  }

  /// Returns whether a site offers HTTP/3.
  func offersHTTP3(_ site: Site) -> Bool { site.settings.usesHTTP3 && build.hasHTTP3 }

  /// The addresses that listen for HTTP/3.
  var quicAddresses: [String] { ["*"] + (surroundings.machine.hasIPv6 ? ["[::]"] : []) }
}

extension Site {
  /// The first host with `www.` added or removed.
  var otherForm: String {
    let first = hosts[0].value
    return first.hasPrefix("www.") ? String(first.dropFirst(4)) : "www.\(first)"
  }

  /// Returns the HTTPS URL of one of the names, without a slash at the end.
  func url(_ name: String) -> String {
    "https://\(name)" + (httpsPort == 443 ? "" : ":\(httpsPort)")
  }
}
