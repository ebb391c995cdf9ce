import CertctlCore
package import FoundationEssentials

/// The TLS policy: a configuration of Mozilla's guideline, version 6.0.
package enum SiteTLS: String, Sendable, Codable, CaseIterable {
  /// TLS 1.3 only.
  case modern
  /// TLS 1.2 and 1.3: all clients of the last ten years.
  case intermediate
}

/// The kind of application, which sets the defaults.
package enum SiteTemplate: String, Sendable, Codable, CaseIterable {
  /// Web applications.
  case proxy
  /// The files of a directory.
  case `static`
  /// Connections that stay open: chats, terminals, server-sent events.
  case websocket
  /// Video and music streams: no buffering and no size limit.
  case media
  /// Large uploads, passed on without buffering: file stores, registries.
  case upload

  /// The defaults of a template.
  struct Values: Equatable {
    /// `client_max_body_size`; nginx's default, 1m, is too small for most applications.
    var bodySize = "100m"
    /// How long nginx waits for the next bytes of a server, in seconds.
    var timeout = 60
    /// Whether responses are buffered, so that slow clients do not keep a server busy.
    var buffersAnswers = true
    /// Whether requests are buffered before they are sent to a server.
    var buffersRequests = true
  }

  /// The defaults of this template.
  var values: Values {
    switch self {
    case .proxy: Values()
    case .static: Values(bodySize: "1m")
    case .websocket: Values(timeout: 3600, buffersAnswers: false)
    case .media: Values(bodySize: "0", timeout: 600, buffersAnswers: false, buffersRequests: false)
    case .upload: Values(bodySize: "10g", timeout: 300, buffersRequests: false)
    }
  }
}

/// HTTP Strict Transport Security (RFC 6797), with a max-age that grows in steps.
package struct SiteHSTS: Sendable, Codable, Hashable {
  /// The start of the growth; nil means the current time.
  package var since: Date?
  /// Whether it includes subdomains.
  package var includesSubdomains: Bool

  /// Creates the setting.
  package init(since: Date? = nil, includesSubdomains: Bool = false) {
    self.since = since
    self.includesSubdomains = includesSubdomains
  }

  /// Returns the max-age in seconds.
  ///
  /// It is five minutes on the first day, a week in the first week, a month in the first month,
  /// then two years. So a mistake shows while it can still be undone.
  ///
  /// - Parameter now: The current time.
  /// - Returns: The max-age in seconds.
  package func age(at now: Date) -> Int {
    let passed = since.map { now.timeIntervalSince($0) } ?? 0
    let day = 86400
    switch passed {
    case ..<Double(day): return 300
    case ..<Double(7 * day): return 7 * day
    case ..<Double(30 * day): return 30 * day
    default: return 63_072_000
    }
  }
}

extension Site {
  /// Returns whether the HSTS max-age may still have to be raised.
  ///
  /// It stops growing after a month.
  package func isRaisingHSTS(at now: Date) -> Bool {
    guard let since = settings.hsts?.since else { return false }
    // 60 days, not 30: the run that would raise it last can fail.
    return now.timeIntervalSince(since) < 60 * 86400
  }
}

/// The settings of a site; nil selects the default of its template.
package struct SiteSettings: Sendable, Equatable {
  /// The kind of application.
  package var template = SiteTemplate.proxy
  /// The port for HTTP, which serves challenges and redirects.
  package var httpPort = 80
  /// The port for HTTPS.
  package var httpsPort = 443
  /// The TLS policy.
  package var tls = SiteTLS.intermediate
  /// Whether to support TLS 1.2 clients without elliptic curves.
  package var usesDHE = false
  /// The HSTS settings; nil to send no HSTS header.
  package var hsts: SiteHSTS?
  /// Whether to offer HTTP/3, if nginx supports it.
  package var usesHTTP3 = false
  /// Whether connections can be upgraded to WebSocket.
  package var passesWebsockets = true
  /// The maximum size of a request body, such as `100m`; 0 for no limit.
  package var bodySize: String?
  /// How long nginx waits for the next bytes of a server, in seconds.
  package var timeout: Int?
  /// The path of a file with names and hashed passwords, as written by `htpasswd`.
  package var passwordFile: String?
  /// Whether the first host's variant with or without `www.` redirects to it.
  package var redirectsWWW = false
  /// Whether to verify the certificates of https upstreams.
  package var verifiesUpstream = false
  /// The file of CA certificates for this; nil for the system's.
  package var upstreamCA: String?
  /// The name to request from https upstreams; nil for the upstream's name.
  package var upstreamName: String?

  /// Creates the settings of a plain reverse proxy.
  package init() {}

  /// Creates default settings and lets `change` modify them.
  package init(_ change: (inout SiteSettings) throws -> Void) rethrows { try change(&self) }

  /// Checks that the values are valid in an nginx file.
  ///
  /// - Throws: `CertctlError` with code `usage`.
  func check() throws {
    for port in [httpPort, httpsPort] { _ = try SiteGrammar.port("\(port)") }
    guard httpPort != httpsPort else {
      throw CertctlError(.usage, "cannot use port \(httpPort) for both HTTP and HTTPS")
    }
    if let bodySize { try SiteGrammar.size(bodySize) }
    if let timeout, !(1...86400).contains(timeout) {
      throw CertctlError(.usage, "the timeout \(timeout) is not between 1 and 86400 seconds")
    }
    if let passwordFile { try SiteGrammar.path(passwordFile, "password file path") }
    if let upstreamCA { try SiteGrammar.path(upstreamCA, "CA file path") }
    if let upstreamName { _ = try SiteGrammar.host(upstreamName) }
    guard !(usesDHE && tls == .modern) else {
      throw CertctlError(
        .usage, "DHE requires TLS 1.2, which the modern policy does not allow",
        hint: "remove --dhe or --tls modern")
    }
  }
}

extension SiteSettings: Codable {
  private enum CodingKeys: String, CodingKey {
    case template, httpPort, httpsPort, tls, usesDHE, hsts, usesHTTP3, passesWebsockets, bodySize
    case timeout, passwordFile, redirectsWWW, verifiesUpstream, upstreamCA, upstreamName
  }

  /// Decodes settings; missing ones have their defaults.
  package init(from decoder: any Decoder) throws {
    let from = try decoder.container(keyedBy: CodingKeys.self)
    func value<Value: Decodable>(_ key: CodingKeys, _ usual: Value) throws -> Value {
      try from.decodeIfPresent(Value.self, forKey: key) ?? usual
    }
    self.init()
    template = try value(.template, template)
    httpPort = try value(.httpPort, httpPort)
    httpsPort = try value(.httpsPort, httpsPort)
    tls = try value(.tls, tls)
    usesDHE = try value(.usesDHE, usesDHE)
    hsts = try from.decodeIfPresent(SiteHSTS.self, forKey: .hsts)
    usesHTTP3 = try value(.usesHTTP3, usesHTTP3)
    passesWebsockets = try value(.passesWebsockets, passesWebsockets)
    bodySize = try from.decodeIfPresent(String.self, forKey: .bodySize)
    timeout = try from.decodeIfPresent(Int.self, forKey: .timeout)
    passwordFile = try from.decodeIfPresent(String.self, forKey: .passwordFile)
    redirectsWWW = try value(.redirectsWWW, redirectsWWW)
    verifiesUpstream = try value(.verifiesUpstream, verifiesUpstream)
    upstreamCA = try from.decodeIfPresent(String.self, forKey: .upstreamCA)
    upstreamName = try from.decodeIfPresent(String.self, forKey: .upstreamName)
  }
}
