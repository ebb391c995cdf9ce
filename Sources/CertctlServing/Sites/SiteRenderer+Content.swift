import ACME

extension SiteRenderer {
  /// Writes a block that comes before the servers.
  func write(_ group: SiteRoutes.Group, into text: inout NginxText) {
    if let remark = group.remark { text.comment(remark) }
    if group.isDrawn {
      text.block("split_clients $request_id \(group.name)") { text in
        for (index, server) in group.servers.enumerated() {
          let share = 10_000 / group.servers.count
          let rest = share % 100
          let part = "\(share / 100).\(rest < 10 ? "0" : "")\(rest)%"
          text.add(index == group.servers.count - 1 ? "*" : part, server)
        }
      }
      return
    }
    text.block("upstream \(group.name)") { text in
      if group.looksUp {
        text.add("zone", group.name, "128k")
        if let resolver = group.resolver { lookUps(resolver, into: &text) }
      }
      for server in group.servers { text.add("server", server) }
      text.add("keepalive", "16")
      text.comment("Node.js closes idle connections after 5 s; nginx must close them first.")
      text.add("keepalive_timeout", "4s")
    }
  }

  /// Writes the locations of the TLS server.
  func content(_ site: Site, _ routes: SiteRoutes, into text: inout NginxText) {
    let settings = site.settings
    text.gap()
    text.add("client_max_body_size", settings.bodySize ?? settings.template.values.bodySize)
    if let file = settings.passwordFile {
      text.add("auth_basic", "\"\(site.hosts[0].value)\"")
      text.add("auth_basic_user_file", file)
    }
    if let resolver = routes.resolver { lookUps(resolver, into: &text) }
    for location in site.locations {
      text.gap()
      let isExact = !location.path.hasSuffix("/")
      text.block("location \(isExact ? "= " : "")\(location.path)") { text in
        write(location.content, at: location.path, site, routes, into: &text)
      }
    }
    text.gap()
    text.block("location /") { text in write(site.content, at: "/", site, routes, into: &text) }
    text.gap()
    text.comment(
      "Your own directives for this server. certctl never changes these files.")
    text.add("include", paths.shared("custom/\(site.name)/*.conf"))
  }

  private func lookUps(_ resolver: String, into text: inout NginxText) {
    text.add("resolver", resolver)
    text.add("resolver_timeout", "5s")
  }

  private func write(
    _ content: SiteContent, at path: String, _ site: Site, _ routes: SiteRoutes,
    into text: inout NginxText
  ) {
    switch content {
    case .folder(let folder):
      if path == "/" {
        text.add("root", folder)
        text.add("index", "index.html")
        text.add("try_files", "$uri", "$uri/", "=404")
      } else {
        text.add("alias", "\(folder)/")
        text.add("index", "index.html")
      }
      text.comment("Denies access to files such as .git and .env.")
      text.block("location ~ /\\.(?!well-known/)") { $0.add("return", "404") }
    case .upstream(let upstream):
      if let route = routes.route(upstream) {
        pass(upstream, by: route, at: path, site, into: &text)
      }
    }
  }

  private func pass(
    _ upstream: SiteUpstream, by route: SiteRoutes.Route, at path: String, _ site: Site,
    into text: inout NginxText
  ) {
    let settings = site.settings
    let base = upstream.base == path ? nil : upstream.base
    let scheme = upstream.scheme.rawValue
    text.add("include", paths.shared("proxy.conf"))
    if settings.passesWebsockets {
      text.add("proxy_set_header", "Upgrade", "$certctl_upgrade")
      text.add("proxy_set_header", "Connection", "$certctl_connection")
    } else {
      text.add("proxy_set_header", "Connection", "\"\"")
    }
    let prefix = base == nil ? "" : path.dropLast()
    text.add("proxy_set_header", "X-Forwarded-Prefix", "\"\(prefix)\"")
    if settings.passwordFile != nil { text.add("proxy_set_header", "Authorization", "\"\"") }
    patience(settings, into: &text)
    if upstream.scheme == .https { verification(upstream, settings, into: &text) }
    switch route {
    case .group(let name):
      text.add("proxy_pass", "\(scheme)://\(name)\(base ?? "")")
    case .lookup(let target):
      let isDrawn = target.hasPrefix("$")
      if !isDrawn {
        text.comment("A variable makes nginx resolve the name at run time.")
        text.add("set", "$certctl_upstream", target)
      }
      if let base {
        // `break` ends the rewrite directives of the location, so `set` comes before it.
        text.add("rewrite", "(?s)^\(Self.pattern(path))(.*)$", "\(base)$1", "break")
      }
      text.add("proxy_pass", "\(scheme)://\(isDrawn ? target : "$certctl_upstream")")
    }
    redirects(upstream, from: base ?? "/", to: base == nil ? "/" : path, site, into: &text)
  }

  private func patience(_ settings: SiteSettings, into text: inout NginxText) {
    let values = settings.template.values
    let timeout = settings.timeout ?? values.timeout
    if timeout != 60 {
      text.add("proxy_read_timeout", "\(timeout)s")
      text.add("proxy_send_timeout", "\(timeout)s")
    }
    if !values.buffersAnswers { text.add("proxy_buffering", "off") }
    if !values.buffersRequests { text.add("proxy_request_buffering", "off") }
  }

  private func verification(
    _ upstream: SiteUpstream, _ settings: SiteSettings, into text: inout NginxText
  ) {
    text.add("proxy_ssl_protocols", "TLSv1.2", "TLSv1.3")
    if let name = settings.upstreamName ?? upstream.servers.lazy.compactMap(\.hostName).first {
      text.add("proxy_ssl_server_name", "on")
      text.add("proxy_ssl_name", name)
    }
    if settings.verifiesUpstream {
      text.add("proxy_ssl_verify", "on")
      text.add("proxy_ssl_verify_depth", "4")
      text.add(
        "proxy_ssl_trusted_certificate",
        settings.upstreamCA ?? "/etc/ssl/certs/ca-certificates.crt")
    } else {
      text.comment("The certificate is not verified. To verify it, use --upstream-verify.")
      text.add("proxy_ssl_verify", "off")
    }
  }

  /// Rewrites the upstream's own addresses in `Location` headers to those of the site.
  private func redirects(
    _ upstream: SiteUpstream, from: String, to: String, _ site: Site, into text: inout NginxText
  ) {
    var sources: [String] = []
    let scheme = upstream.scheme.rawValue
    let usual = upstream.scheme == .http ? 80 : 443
    for port in upstream.servers.compactMap(\.port) where port != usual {
      // On the site's own port, the address is already correct.
      if upstream.scheme == .http || port != site.httpsPort || from != to {
        sources.append("\(scheme)://$host:\(port)\(from)")
      }
    }
    sources.append("http://$host\(from)")
    if from != to { sources.append("\(site.url("$host"))\(from)") }
    for server in upstream.servers {
      guard let name = server.hostName, !server.isLocalhost, let port = server.port else {
        continue
      }
      sources.append("\(scheme)://\(server.authority)\(from)")
      if port == usual { sources.append("\(scheme)://\(name)\(from)") }
    }
    if from != to { sources.append(from) }
    var seen: Set<String> = []
    for source in sources where seen.insert(source).inserted {
      text.add("proxy_redirect", source, to)
    }
  }

  /// Returns a path as a regular expression.
  private static func pattern(_ path: String) -> String {
    path.replacing(".", with: "\\.").replacing("+", with: "\\+")
  }
}
