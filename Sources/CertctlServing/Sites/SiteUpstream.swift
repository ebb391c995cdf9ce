import ACME

/// Servers that do the same behind nginx.
package struct SiteUpstream: Sendable, Hashable, Codable, CustomStringConvertible {
  /// How nginx speaks with them.
  package enum Scheme: String, Sendable {
    /// Plain HTTP.
    case http
    /// HTTP over TLS.
    case https
  }

  /// One of them.
  package enum Server: Sendable, Hashable {
    /// A name, which is looked up while nginx runs, and a port.
    case name(String, Int)
    /// An address and a port; IPv6 without brackets.
    case address(String, Int)
    /// A unix socket.
    case socket(String)
  }

  /// How nginx speaks with them.
  package let scheme: Scheme
  /// The servers; nginx takes turns.
  package let servers: [Server]
  /// What stands in place of the location's path, if that changes: it begins and ends with a slash.
  package let base: String?

  /// Reads what a person writes: `http://app:8080`, `https://10.0.0.2:8443`, `unix:/run/app.sock`,
  /// several with commas between them.
  ///
  /// Without a scheme it is http. A path at the end takes the place of the location's own path, as in
  /// nginx: with `http://app:8080/` at the location `/api/`, the server sees `/x` for `/api/x`.
  ///
  /// - Throws: `CertctlError` with code `usage` for all that does not fit a strict grammar.
  package init(_ text: String) throws {
    var schemes: Set<Scheme> = []
    var bases: Set<String?> = []
    var servers: [Server] = []
    let parts = text.split(separator: ",", omittingEmptySubsequences: false)
    guard text.utf8.count <= 8192, parts.count <= 64 else {
      throw SiteGrammar.refused("upstream", text, "64 servers are the most")
    }
    for part in parts {
      let (scheme, server, base) = try Self.server(part)
      schemes.insert(scheme)
      bases.insert(base)
      guard !servers.contains(server) else {
        throw SiteGrammar.refused("upstream", text, "\(part) stands there twice")
      }
      servers.append(server)
    }
    guard schemes.count == 1, bases.count == 1, let scheme = schemes.first else {
      throw SiteGrammar.refused(
        "upstream", text, "all servers of an upstream have the same scheme and the same path")
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
          "upstream", String(part), "an upstream begins with http:// or https://, or is unix:/PATH")
      }
      (scheme, rest) = (known, part[mark.upperBound...])
    }
    if rest.hasPrefix("unix:") {
      var path = String(rest.dropFirst(5))
      // nginx itself writes a colon at the end.
      if path.hasSuffix(":") { path.removeLast() }
      try SiteGrammar.path(path, "path of a unix socket")
      guard !path.contains(":"), path.utf8.count <= 107 else {
        throw SiteGrammar.refused(
          "path of a unix socket", path, "it has no colon and at most 107 bytes")
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
        throw SiteGrammar.refused("host for an upstream", String(text), "brackets are for IPv6")
      }
    } else if let colon = text.lastIndex(of: ":") {
      host = text[..<colon]
      port = try SiteGrammar.port(text[text.index(after: colon)...])
      guard !host.contains(":") else {
        throw SiteGrammar.refused(
          "host for an upstream", String(text), "an IPv6 address stands in brackets: [::1]:8080")
      }
    }
    let checked = try SiteGrammar.host(String(host))
    let isAddress = (try? Identifier(parsing: checked))?.type == .ip
    return isAddress ? .address(checked, port) : .name(checked, port)
  }

  /// The same in one line, as it is read.
  package var description: String {
    servers.map { server in
      if case .socket(let path) = server { return "\(scheme.rawValue)://unix:\(path)" }
      return "\(scheme.rawValue)://\(server.authority)\(base ?? "")"
    }.joined(separator: ",")
  }

  /// Reads its line, by the same rules.
  package init(from decoder: any Decoder) throws {
    let text = try decoder.singleValueContainer().decode(String.self)
    try self.init(text)
  }

  /// Writes its line.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

extension SiteUpstream.Server {
  /// As it stands in a URL and in nginx's `server`.
  var authority: String {
    switch self {
    case .name(let host, let port): "\(host):\(port)"
    case .address(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .socket(let path): "unix:\(path)"
    }
  }

  /// The name, if it has one.
  var hostName: String? {
    if case .name(let name, _) = self { name } else { nil }
  }

  /// The port, if it has one.
  var port: Int? {
    switch self {
    case .name(_, let port), .address(_, let port): port
    case .socket: nil
    }
  }
}

/// What answers a site's requests, or those of a location of it.
package enum SiteContent: Sendable, Hashable, Codable, CustomStringConvertible {
  /// Servers behind nginx.
  case upstream(SiteUpstream)
  /// The files of a folder.
  case folder(String)

  /// Reads what a person writes: an absolute path is a folder, all else is an upstream.
  ///
  /// - Throws: `CertctlError` with code `usage`.
  package init(_ text: String) throws {
    if text.hasPrefix("/") {
      let path = text.count > 1 && text.hasSuffix("/") ? String(text.dropLast()) : text
      try SiteGrammar.path(path, "folder")
      guard path != "/" else {
        throw SiteGrammar.refused("folder", path, "a site does not show the whole machine")
      }
      self = .folder(path)
    } else {
      self = .upstream(try SiteUpstream(text))
    }
  }

  /// The same in one line, as it is read.
  package var description: String {
    switch self {
    case .upstream(let upstream): upstream.description
    case .folder(let path): path
    }
  }

  /// Reads its line, by the same rules.
  package init(from decoder: any Decoder) throws {
    try self.init(try decoder.singleValueContainer().decode(String.self))
  }

  /// Writes its line.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}

/// A part of a site that something else answers.
package struct SiteLocation: Sendable, Hashable, Codable, CustomStringConvertible {
  /// `/api/` for all that begins so, `/health` for this one path.
  package let path: String
  /// What answers there.
  package let content: SiteContent

  /// Reads what a person writes: `/api/=http://api:8080`, `/static/=/srv/static`.
  ///
  /// - Throws: `CertctlError` with code `usage`.
  package init(_ text: String) throws {
    guard let mark = text.firstIndex(of: "=") else {
      throw SiteGrammar.refused(
        "location", text, "a location is PATH=UPSTREAM: /api/=http://api:8080")
    }
    path = String(text[..<mark])
    try SiteGrammar.location(path)
    content = try SiteContent(String(text[text.index(after: mark)...]))
    guard !path.hasSuffix("/") else { return }
    switch content {
    case .upstream(let upstream) where upstream.base == nil: break
    case .upstream:
      throw SiteGrammar.refused(
        "location", text, "an upstream with a path needs a location that ends with a slash")
    case .folder:
      throw SiteGrammar.refused(
        "location", text, "a folder needs a location that ends with a slash")
    }
  }

  /// The same in one line, as it is read.
  package var description: String { "\(path)=\(content)" }

  /// Reads its line, by the same rules.
  package init(from decoder: any Decoder) throws {
    try self.init(try decoder.singleValueContainer().decode(String.self))
  }

  /// Writes its line.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(description)
  }
}
