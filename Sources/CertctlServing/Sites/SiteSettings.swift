import CertctlCore
package import FoundationEssentials

/// What Mozilla's guideline calls a site's clients (version 6.0 of it).
package enum SiteTLS: String, Sendable, Codable, CaseIterable {
  /// TLS 1.3 alone.
  case modern
  /// TLS 1.2 and 1.3: all clients of the last ten years.
  case intermediate
}

/// A kind of application, which decides what is not said otherwise.
package enum SiteTemplate: String, Sendable, Codable, CaseIterable {
  /// Web applications.
  case proxy
  /// Files of a folder.
  case `static`
  /// Connections that stay open: chats, terminals, events that a server sends.
  case websocket
  /// Streams of video and music: nothing is kept back, nothing is too big.
  case media
  /// Big uploads, handed on as they come: file stores, registries.
  case upload

  /// What a template decides.
  struct Values: Equatable {
    /// `client_max_body_size`; nginx's own, 1m, is too little for most applications.
    var bodySize = "100m"
    /// How long nginx waits for a server's next bytes, in seconds.
    var timeout = 60
    /// Whether answers are collected, so that slow clients do not keep a server busy.
    var buffersAnswers = true
    /// Whether requests are collected before a server sees them.
    var buffersRequests = true
  }

  /// What this one decides.
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

/// The promise to browsers that a name speaks HTTPS only (RFC 6797), in growing steps.
package struct SiteHSTS: Sendable, Codable, Hashable {
  /// Since when it has been promised; nil is from now on.
  package var since: Date?
  /// Whether it is promised for all names below, too.
  package var includesSubdomains: Bool

  /// A promise, which begins now unless it began before.
  package init(since: Date? = nil, includesSubdomains: Bool = false) {
    self.since = since
    self.includesSubdomains = includesSubdomains
  }

  /// For how long browsers are to believe it, in seconds.
  ///
  /// Five minutes on the first day, a week in the first week, a month in the first month, then two
  /// years: a mistake is found while it can still be taken back.
  ///
  /// - Parameter now: The moment of writing.
  /// - Returns: The age of the promise.
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
  /// Whether the age of its promise of HTTPS may have to be raised: it ends growing after a month.
  package func isRaisingHSTS(at now: Date) -> Bool {
    guard let since = settings.hsts?.since else { return false }
    // Some runs more: the one that would raise it for the last time may fail.
    return now.timeIntervalSince(since) < 60 * 86400
  }
}

/// What can be chosen for a site; nil is what its template says.
package struct SiteSettings: Sendable, Equatable {
  /// The kind of application.
  package var template = SiteTemplate.proxy
  /// The port of plain HTTP, for challenges and the redirect.
  package var httpPort = 80
  /// The port of HTTPS.
  package var httpsPort = 443
  /// Which clients are served.
  package var tls = SiteTLS.intermediate
  /// Whether TLS 1.2 clients without elliptic curves are served too.
  package var usesDHE = false
  /// The promise to browsers; nil is none.
  package var hsts: SiteHSTS?
  /// Whether HTTP/3 is offered where nginx has it.
  package var usesHTTP3 = false
  /// Whether connections may change to websockets.
  package var passesWebsockets = true
  /// The biggest body of a request: `100m`; 0 is no limit.
  package var bodySize: String?
  /// How long nginx waits for a server's next bytes, in seconds.
  package var timeout: Int?
  /// A file of names and hashed passwords, as `htpasswd` writes it.
  package var passwordFile: String?
  /// Whether the first host is the only one that answers: the one with or without `www.` leads
  /// there.
  package var redirectsWWW = false
  /// Whether certificates of https upstreams are checked.
  package var verifiesUpstream = false
  /// The file of CA certificates for that; nil is the system's.
  package var upstreamCA: String?
  /// The name that https upstreams are called by; nil is the upstream's own.
  package var upstreamName: String?

  /// The settings of a plain reverse proxy.
  package init() {}

  /// What `change` makes of these.
  package init(_ change: (inout SiteSettings) throws -> Void) rethrows { try change(&self) }

  /// Checks each against the grammar of what nginx may read.
  ///
  /// - Throws: `CertctlError` with code `usage`.
  func check() throws {
    for port in [httpPort, httpsPort] { _ = try SiteGrammar.port("\(port)") }
    guard httpPort != httpsPort else {
      throw CertctlError(.usage, "port \(httpPort) cannot be both for HTTP and for HTTPS")
    }
    if let bodySize { try SiteGrammar.size(bodySize) }
    if let timeout, !(1...86400).contains(timeout) {
      throw CertctlError(.usage, "a timeout of \(timeout) seconds is not from 1 to 86400")
    }
    if let passwordFile { try SiteGrammar.path(passwordFile, "path of a password file") }
    if let upstreamCA { try SiteGrammar.path(upstreamCA, "path of a CA file") }
    if let upstreamName { _ = try SiteGrammar.host(upstreamName) }
    guard !(usesDHE && tls == .modern) else {
      throw CertctlError(
        .usage, "DHE is for TLS 1.2, which the modern policy does not have",
        hint: "leave one of them out; no client of the last ten years needs DHE")
    }
  }
}

extension SiteSettings: Codable {
  private enum CodingKeys: String, CodingKey {
    case template, httpPort, httpsPort, tls, usesDHE, hsts, usesHTTP3, passesWebsockets, bodySize
    case timeout, passwordFile, redirectsWWW, verifiesUpstream, upstreamCA, upstreamName
  }

  /// Reads settings; what is missing has the value that it has in new ones.
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
