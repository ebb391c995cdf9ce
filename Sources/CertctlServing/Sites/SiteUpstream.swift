import ACME

/// A group of equivalent upstream servers.
package struct SiteUpstream: Sendable, Hashable, Codable, CustomStringConvertible {
  /// The protocol between nginx and the servers.
  package enum Scheme: String, Sendable {
    /// Plain HTTP.
    case http
    /// HTTP over TLS.
    case https
  }

  /// An upstream server.
  package enum Server: Sendable, Hashable {
    /// A name, which nginx resolves at run time, and a port.
    case name(String, Int)
    /// An IP address, IPv6 without brackets, and a port.
    case address(String, Int)
    /// The path of a Unix socket.
    case socket(String)
  }

  /// The protocol between nginx and the servers.
  package let scheme: Scheme
  /// The servers, used in turn.
  package let servers: [Server]
  /// The path that replaces the location's path, with a slash at both ends; nil to keep the
  /// location's.
  package let base: String?

  /// Parses an upstream as users write it: `http://app:8080`, `https://10.0.0.2:8443`,
  /// `unix:/run/app.sock`, or several, separated by commas.
  ///
  /// The default scheme is http. A path at the end replaces the location's path, as in nginx: with
  /// `http://app:8080/` at the location `/api/`, the server sees `/x` for `/api/x`.
  ///
  /// - Throws: `CertctlError` with code `usage` for invalid text.
  package init(_ text: String) throws {
    var schemes: Set<Scheme> = []
    var bases: Set<String?> = []
    var servers: [Server] = []
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    guard text.utf8.count <= 8192, parts.count <= 64 else {
      throw SiteGrammar.refused("upstream", text, "use at most 64 servers and 8192 bytes")
    }
    for part in parts {
      let (scheme, server, base) = try Self.server(part)
      schemes.insert(scheme)
      bases.insert(base)
      guard !servers.contains(server) else {
        throw SiteGrammar.refused("upstream", text, "remove the duplicate \(part)")
      }
      servers.append(server)
    }
    guard schemes.count == 1, bases.count == 1, let scheme = schemes.first else {
      throw SiteGrammar.refused(
        "upstream", text, "use the same scheme and path for all servers")
    }
    self.scheme = scheme
    self.servers = servers
    base = bases.first ?? nil
  }

  private static func server(_ part: Substring) throws -> (Scheme, Server, String?) {
    var scheme = Scheme.http
    var rest = part
    if let mark = part.firstRange(of: "://") {
      guard let known = Scheme(rawValue: part[..<mark.lowerBound].lowercased()) else {
        throw SiteGrammar.refused(
          "upstream", String(part), "use http://HOST:PORT, https://HOST:PORT or unix:/PATH")
      }
      (scheme, rest) = (known, part[mark.upperBound...])
    }
    if rest.hasPrefix("unix:") {
      var path = String(rest.dropFirst(5))
      // nginx writes a colon at the end.
      if path.hasSuffix(":") { path.removeLast() }
      try SiteGrammar.path(path, "Unix socket path")
      guard !path.contains(":"), path.utf8.count <= 107 else {
        throw SiteGrammar.refused(
          "Unix socket path", path, "use at most 107 bytes and no colon")
      }
      return (scheme, .socket(path), nil)
    }
    var base: String?
    if let slash = rest.firstIndex(of: "/") {
      base = String(rest[slash...])
      try SiteGrammar.base(String(rest[slash...]))
      rest = rest[..<slash]
    }
    return (scheme, try authority(rest, scheme), base)
  }

  private static func authority(_ text: Substring, _ scheme: Scheme) throws -> Server {
    var host = text
    var port = scheme == .http ? 80 : 443
    if text.hasPrefix("["), let end = text.firstIndex(of: "]") {
      host = text[text.index(after: text.startIndex)..<end]
      let tail = text[text.index(after: end)...]
      if !tail.isEmpty {
        port = try SiteGrammar.port(tail.hasPrefix(":") ? tail.dropFirst() : tail)
      }
      guard host.contains(":") else {
        throw SiteGrammar.refused("upstream host", String(text), "use brackets only for IPv6")
      }
    } else if let colon = text.lastIndex(of: ":") {
      host = text[..<colon]
      port = try SiteGrammar.port(text[text.index(after: colon)...])
      guard !host.contains(":") else {
        throw SiteGrammar.refused(
          "upstream host", String(text), "put an IPv6 address in brackets: [::1]:8080")
      }
    }
    let checked = try SiteGrammar.host(String(host))
    let isAddress = (try? Identifier(parsing: checked))?.type == .ip
    return isAddress ? .address(checked, port) : .name(checked, port)
  }

  /// The text form, as `init(_:)` parses it.
  package var description: String {
    servers.map { server in
      if case .socket(let path) = server { return "\(scheme.rawValue)://unix:\(path)" }
      return "\(scheme.rawValue)://\(server.authority)\(base ?? "")"
    }.joined(separator: ",")
  }

  /// Decodes the text form, with the same checks.
  package init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    try self.init(text)
  }

  /// Encodes the text form.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

extension SiteUpstream.Server {
  /// The host and port, as in a URL and in nginx's `server`.
  var authority: String {
    switch self {
    case .name(let host, let port): "\(host):\(port)"
    case .address(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .socket(let path): "unix:\(path)"
    }
  }

  /// The host name; nil for an address or a socket.
  var hostName: String? {
    if case .name(let name, _) = self { name } else { nil }
  }

  /// The port; nil for a socket.
  var port: Int? {
    switch self {
    case .name(_, let port), .address(_, let port): port
    case .socket: nil
    }
  }
}

/// What serves the requests of a site or of one of its locations.
package enum SiteContent: Sendable, Hashable, Codable, CustomStringConvertible {
  /// Upstream servers.
  case upstream(SiteUpstream)
  /// The files of a directory.
  case folder(String)

  /// Parses content as users write it: an absolute path is a directory, anything else an upstream.
  ///
  /// - Throws: `CertctlError` with code `usage`.
  package init(_ text: String) throws {
    if text.hasPrefix("/") {
      let path = text.count > 1 && text.hasSuffix("/") ? String(text.dropLast()) : text
      try SiteGrammar.path(path, "directory")
      guard path != "/" else {
        throw SiteGrammar.refused("directory", path, "use a directory below /")
      }
      self = .folder(path)
    } else {
      self = .upstream(try SiteUpstream(text))
    }
  }

  /// The text form, as `init(_:)` parses it.
  package var description: String {
    switch self {
    case .upstream(let upstream): upstream.description
    case .folder(let path): path
    }
  }

  /// Decodes the text form, with the same checks.
  package init(from decoder: any Decoder) throws {
    try self.init(try decoder.singleValueContainer().decode(String.self))
  }

  /// Encodes the text form.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// A path of a site that has its own content.
package struct SiteLocation: Sendable, Hashable, Codable, CustomStringConvertible {
  /// `/api/` for everything below it, `/health` for exactly this path.
  package let path: String
  /// What serves the requests.
  package let content: SiteContent

  /// Parses a location as users write it: `/api/=http://api:8080`, `/static/=/srv/static`.
  ///
  /// - Throws: `CertctlError` with code `usage`.
  package init(_ text: String) throws {
    guard let mark = text.firstIndex(of: "=") else {
      throw SiteGrammar.refused(
        "location", text, "use PATH=UPSTREAM, such as /api/=http://api:8080")
    }
    path = String(text[..<mark])
    try SiteGrammar.location(path)
    content = try SiteContent(String(text[text.index(after: mark)...]))
    guard !path.hasSuffix("/") else { return }
    switch content {
    case .upstream(let upstream) where upstream.base == nil: break
    case .upstream:
      throw SiteGrammar.refused(
        "location", text, "end the path with a slash, because the upstream has a path")
    case .folder:
      throw SiteGrammar.refused(
        "location", text, "end the path with a slash, because it serves a directory")
    }
  }

  /// The text form, as `init(_:)` parses it.
  package var description: String { "\(path)=\(content)" }

  /// Decodes the text form, with the same checks.
  package init(from decoder: any Decoder) throws {
    try self.init(try decoder.singleValueContainer().decode(String.self))
  }

  /// Encodes the text form.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
