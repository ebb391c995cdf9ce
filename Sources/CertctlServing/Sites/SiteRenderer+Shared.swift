import ACME

extension SiteRenderer {
  /// Returns the contents of the files that all sites share, by their paths in nginx's directory.
  ///
  /// - Parameters:
  ///   - sites: All enabled sites. Without any, there are no files.
  ///   - dhParameters: DH parameters as PEM, for sites that use DHE. Without them, DHE is left out.
  /// - Returns: The contents by path.
  func sharedFiles(for sites: [Site], dhParameters: String?) -> [String: String] {
    guard !sites.isEmpty else { return [:] }
    var files = [
      SiteFiles.http: http(sites),
      "\(SiteFiles.folder)/server.conf": server,
      "\(SiteFiles.folder)/headers.conf": headers,
      "\(SiteFiles.folder)/challenge.conf": challenge,
      "\(SiteFiles.folder)/proxy.conf": proxy,
    ]
    for policy in SiteTLS.allCases {
      files["\(SiteFiles.folder)/tls-\(policy.rawValue).conf"] = tls(policy)
    }
    if sites.contains(where: \.usesDHE) {
      if let dhParameters { files["\(SiteFiles.folder)/dhparam.pem"] = dhParameters }
      files["\(SiteFiles.folder)/tls-intermediate-dhe.conf"] =
        tls(.intermediate, isDHE: dhParameters != nil)
    }
    return files
  }

  // MARK: - The http block

  private func http(_ sites: [Site]) -> String {
    var text = NginxText()
    text.comment("Settings for the http block that all certctl sites share.")
    hashSizes(sites, into: &text)
    text.gap()
    text.comment("Only upgrades to WebSocket are passed on.")
    text.block("map $http_upgrade $certctl_upgrade") { text in
      text.add("~*^websocket$", "websocket")
      text.add("default", "\"\"")
    }
    text.block("map $certctl_upgrade $certctl_connection") { text in
      text.add("\"\"", "\"\"")
      text.add("default", "upgrade")
    }
    text.gap()
    text.comment("The port to append to the host name, unless it is 443.")
    text.block("map $server_port $certctl_port") { text in
      text.add("443", "\"\"")
      text.add("default", "\":$server_port\"")
    }
    text.gap()
    text.comment("Headers that are added only if the application does not send them.")
    for (header, variable, value) in Self.securityHeaders {
      let sent = "$upstream_http_" + header.lowercased().replacing("-", with: "_")
      text.block("map \(sent) \(variable)") { text in
        text.add("\"\"", value)
        text.add("default", "\"\"")
      }
    }
    for port in Set(sites.map(\.httpPort)).sorted() { plainDefault(port, into: &text) }
    for port in Set(sites.map(\.httpsPort)).sorted() {
      tlsDefault(port, sites.filter { $0.httpsPort == port }, into: &text)
    }
    return text.text
  }

  /// Sizes the hash tables for many or long names, unless other files do it.
  private func hashSizes(_ sites: [Site], into text: inout NginxText) {
    hashSize(
      "server_names_hash",
      for: sites.flatMap(\.hosts).map(\.value) + surroundings.servers.flatMap(\.names), into: &text)
    let drawn = sites.flatMap { SiteRoutes($0, build, surroundings.machine).groups }
      .filter(\.isDrawn)
    hashSize("variables_hash", for: drawn.map(\.name), into: &text)
  }

  private func hashSize(_ hash: String, for names: [String], into text: inout NginxText) {
    let longest = names.map(\.utf8.count).max() ?? 0
    // An entry has a pointer, a length of two bytes and the name; a pointer ends the bucket.
    let needed = 8 + (longest + 2 + 7) / 8 * 8 + 8
    let isMuch = names.count > 100
    if needed > 64 || isMuch, !surroundings.httpDirectives.contains("\(hash)_bucket_size") {
      text.add("\(hash)_bucket_size", "\(Self.powerOfTwo(needed))")
    }
    if isMuch, !surroundings.httpDirectives.contains("\(hash)_max_size") {
      text.add("\(hash)_max_size", "\(Self.powerOfTwo(names.count * 8 + 1024))")
    }
  }

  private static func powerOfTwo(_ least: Int) -> Int {
    var size = 128
    while size < least { size *= 2 }
    return size
  }

  private func plainDefault(_ port: Int, into text: inout NginxText) {
    let addresses = surroundings.addresses(port, isTLS: false).filter {
      !surroundings.hasDefault($0, port)
    }
    guard !addresses.isEmpty else { return }
    text.gap()
    text.comment(
      "Unknown host names: the connection is closed. ACME challenges still work, so that the\n"
        + "certificate of a disabled site can be renewed.")
    text.block("server") { text in
      for address in addresses { text.add("listen", endpoint(address, port), "default_server") }
      text.add("server_name", Self.nobody)
      text.add("include", paths.shared("challenge.conf"))
      text.block("location /") { text in text.add("return", "444") }
    }
  }

  private func tlsDefault(_ port: Int, _ sites: [Site], into text: inout NginxText) {
    let addresses = surroundings.addresses(port, isTLS: true).filter {
      !surroundings.hasDefault($0, port)
    }
    let quic =
      sites.contains(where: offersHTTP3)
      ? quicAddresses.filter { !surroundings.hasDefault($0, port, isQUIC: true) } : []
    guard build.rejectsHandshake, !addresses.isEmpty || !quic.isEmpty else { return }
    text.gap()
    text.comment("Unknown host names: the TLS handshake is rejected, as no certificate fits.")
    text.block("server") { text in
      for address in addresses {
        text.add(
          "listen", endpoint(address, port), tlsWords(address, port), "default_server")
      }
      for address in quic {
        // HTTP/3 needs one socket per worker. nginx accepts `reuseport` once per address.
        let reuse = surroundings.reusesPort(address, port) ? "" : "reuseport"
        text.add("listen", endpoint(address, port), "quic", reuse, "default_server")
      }
      text.add("server_name", Self.nobody)
      let isModern = sites.allSatisfy { $0.settings.tls == .modern }
      text.add("include", paths.shared("tls-\(isModern ? "modern" : "intermediate").conf"))
      text.add("ssl_reject_handshake", "on")
      text.add("return", "444")
    }
  }

  /// The server name of the default servers, which matches no host.
  private static let nobody = "_certctl"

  private static let securityHeaders = [
    ("X-Content-Type-Options", "$certctl_content_type_options", "nosniff"),
    ("X-Frame-Options", "$certctl_frame_options", "SAMEORIGIN"),
    ("Referrer-Policy", "$certctl_referrer_policy", "strict-origin-when-cross-origin"),
  ]

  // MARK: - Parts of servers

  private var server: String {
    var text = NginxText()
    text.comment("Settings that all certctl servers share.")
    text.gap()
    text.add("server_tokens", "off")
    text.comment("Redirects without a host name work behind any port and any other proxy.")
    text.add("absolute_redirect", "off")
    if build.hasKeepaliveMinTimeout {
      text.comment(
        "Keeps idle connections open for this long after a reload, so that no request fails.")
      text.add("keepalive_min_timeout", "5s")
    }
    return text.text
  }

  private var headers: String {
    var text = NginxText()
    text.comment("Headers of all responses, including errors. Empty headers are not sent.")
    if build.hasAddHeaderInherit {
      text.comment("Locations with their own add_header directives send these headers too.")
      text.gap()
      text.add("add_header_inherit", "merge")
    } else {
      text.comment(
        "A location with its own add_header directives must include this file again: before\n"
          + "1.29.3, nginx does not inherit the headers of the server there.")
      text.gap()
    }
    for (header, variable, _) in Self.securityHeaders {
      text.add("add_header", header, variable, "always")
    }
    return text.text
  }

  private var challenge: String {
    var text = NginxText()
    text.comment("ACME challenges (RFC 8555, section 8.3).")
    text.gap()
    text.block("location ^~ /.well-known/acme-challenge/") { text in
      text.add("root", "\(paths.nginx)/\(NginxInstallation.challenges)")
      text.add("default_type", "text/plain")
      text.add("auth_basic", "off")
      text.add("allow", "all")
      text.add("try_files", "$uri", "=404")
    }
    return text.text
  }

  private var proxy: String {
    var text = NginxText()
    text.comment(
      "Request headers for the application. certctl sets or removes each of them, so that\n"
        + "clients cannot forge them.")
    text.gap()
    text.add("proxy_http_version", "1.1")
    for (header, value) in Self.forwarded { text.add("proxy_set_header", header, value) }
    text.gap()
    text.add("proxy_connect_timeout", "10s")
    text.comment("Room for the large cookies of single sign-on.")
    text.add("proxy_buffer_size", "16k")
    text.add("proxy_buffers", "8", "16k")
    return text.text
  }

  private static let forwarded = [
    ("Host", "$host$certctl_port"),
    ("X-Real-IP", "$remote_addr"),
    ("X-Forwarded-For", "$remote_addr"),
    ("X-Forwarded-Proto", "$scheme"),
    ("X-Forwarded-Host", "$host$certctl_port"),
    ("X-Forwarded-Port", "$server_port"),
    ("X-Forwarded-Scheme", "\"\""),
    ("X-Forwarded-Server", "\"\""),
    ("X-Forwarded-Ssl", "\"\""),
    ("X-Forwarded-User", "\"\""),
    ("X-Original-URL", "\"\""),
    ("X-Rewrite-URL", "\"\""),
    ("Forwarded", "\"\""),
    ("Proxy", "\"\""),
  ]
}
