package import CertctlBase
import CertctlSystem

/// A TLS server of nginx.
package struct NginxServer: Sendable, Equatable {
  /// An address on which it accepts TLS.
  package struct Listen: Sendable, Hashable {
    /// The address to connect to from this host.
    package var endpoint: Endpoint
    /// Whether each connection begins with a PROXY protocol header.
    var expectsProxyHeader = false
  }

  /// The TCP addresses on which it accepts TLS.
  package var listens: [Listen]
  /// The server names, as written.
  package var names: [String]
  /// The paths of its certificates.
  var certificates: [String]
  /// The arguments of the TLS directives by name, including inherited ones.
  var policy: [String: [String]] = [:]
}

/// The configuration of an nginx with all its files.
struct NginxConfiguration: Sendable {
  /// The directives of each file, by its path as nginx sees it.
  let files: [String: [NginxDirective]]
  /// The text of each file, by its path.
  let texts: [String: String]
  /// The path of the main file.
  let main: String
  /// The directory of the main file, the base of relative paths.
  let folder: String

  /// The directives that define a server's TLS policy.
  private static let policyNames = [
    "ssl_protocols", "ssl_ciphers", "ssl_ecdh_curve", "ssl_dhparam",
  ]

  /// Parses the output of `nginx -T`; nil if it contains no configuration.
  init?(dump: String) {
    let mark = "# configuration file "
    var texts: [String: String] = [:]
    var main: String?
    var path: String?
    var text = ""
    for line in dump.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix(mark), line.hasSuffix(":") {
        // The contents of a file can look like the header of another file: the first one counts.
        if let path, texts[path] == nil { texts[path] = text }
        let next = String(line.dropFirst(mark.count).dropLast())
        main = main ?? next
        (path, text) = (next, "")
      } else if path != nil {
        text += line + "\n"
      }
    }
    guard let path, let main else { return nil }
    if texts[path] == nil { texts[path] = text }
    self.init(main: main, texts: texts)
  }

  /// Creates a configuration from its files.
  ///
  /// - Parameters:
  ///   - main: The path of the main file.
  ///   - texts: All files by their paths.
  init(main: String, texts: [String: String]) {
    self.main = main
    self.texts = texts
    folder = main.lastIndex(of: "/").map { String(main[..<$0]) } ?? ""
    files = texts.mapValues(NginxDirective.parse)
  }

  /// Reads the files themselves, because nginx prints none of them if it rejects one.
  ///
  /// - Parameters:
  ///   - path: The absolute path of the main file, as nginx sees it.
  ///   - nginx: The nginx whose paths these are; nil for paths of this host.
  @Disk init(reading path: String, of nginx: RunningNginx? = nil) {
    let hostPath = { (path: String) in nginx.map { $0.hostPath(path) } ?? path }
    let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
    var texts: [String: String] = [:]
    var waiting = [path]
    while let next = waiting.popLast(), texts.count < 10_000 {
      guard texts[next] == nil,
        let file = hostPath(next).map({ DurableFolder.folderAndName(of: $0) }),
        let bytes = try? file.folder.read(file.name, limit: 16 << 20)
      else { continue }
      let text = String(decoding: bytes, as: UTF8.self)
      texts[next] = text
      for pattern in Self.includes(in: NginxDirective.parse(text)) {
        let whole = pattern.hasPrefix("/") ? pattern : "\(folder)/\(pattern)"
        guard let hostPattern = hostPath(whole) else { continue }
        waiting += PathPattern.paths(matching: hostPattern)
          .compactMap { found in nginx.map { $0.serverPath(found) } ?? found }
      }
    }
    self.init(main: path, texts: texts)
  }

  private static func includes(in directives: [NginxDirective]) -> [String] {
    directives.flatMap { directive in
      directive.name == "include"
        ? directive.arguments : includes(in: directive.block ?? [])
    }
  }

  /// The servers that accept TLS, in `http`, `mail` and `stream`.
  var servers: [NginxServer] {
    servers(in: files[main] ?? [], Inherited(), depth: 0)
  }

  /// The settings that a block inherits.
  private struct Inherited {
    var certificates: [String] = []
    var hasTLS = false
    var policy: [String: [String]] = [:]

    /// Returns the settings after applying the directives of the block itself.
    func with(_ directives: [NginxDirective], absolute: (String) -> String) -> Inherited {
      var result = self
      let own = directives.filter { $0.name == "ssl_certificate" }.compactMap(\.value)
      if !own.isEmpty { result.certificates = own.map(absolute) }
      // Before nginx 1.25.1, `ssl on` enabled TLS on all addresses of a server.
      if let switched = directives.last(where: { $0.name == "ssl" })?.value {
        result.hasTLS = switched == "on"
      }
      for directive in directives where NginxConfiguration.policyNames.contains(directive.name) {
        result.policy[directive.name] =
          directive.name == "ssl_dhparam"
          ? directive.arguments.map(absolute) : directive.arguments
      }
      return result
    }
  }

  private func servers(
    in directives: [NginxDirective], _ inherited: Inherited, depth: Int
  ) -> [NginxServer] {
    guard depth < 32 else { return [] }
    let all = expanded(directives, depth: 0)
    let inherited = inherited.with(all, absolute: absolute)
    var found: [NginxServer] = []
    for directive in all {
      guard let block = directive.block else { continue }
      if directive.name == "server" {
        if let server = server(block, inherited) { found.append(server) }
      } else if ["http", "stream", "mail"].contains(directive.name) {
        found += servers(in: block, inherited, depth: depth + 1)
      }
    }
    return found
  }

  private func server(_ block: [NginxDirective], _ inherited: Inherited) -> NginxServer? {
    let all = expanded(block, depth: 0)
    let settings = inherited.with(all, absolute: absolute)
    let listens = all.filter { $0.name == "listen" }
      .filter { settings.hasTLS || $0.arguments.dropFirst().contains("ssl") }
      .filter { !$0.arguments.contains("quic") && !$0.arguments.contains("udp") }
      .flatMap(Self.listens)
    guard !listens.isEmpty else { return nil }
    return NginxServer(
      listens: listens, names: all.filter { $0.name == "server_name" }.flatMap(\.arguments),
      certificates: settings.certificates, policy: settings.policy)
  }

  /// Returns whether a file at this path would be included in the `http` block.
  func includesInHTTP(_ path: String) -> Bool {
    expanded(files[main] ?? [], depth: 0).filter { $0.name == "http" }
      .contains { includes(path, in: $0.block ?? [], depth: 0) }
  }

  private func includes(_ path: String, in directives: [NginxDirective], depth: Int) -> Bool {
    guard depth < 32 else { return false }
    return directives.contains { directive in
      guard directive.name == "include", let value = directive.value else { return false }
      let pattern = absolute(value)
      if pattern == path || PathPattern.matches(path, pattern) { return true }
      return files.keys.filter { $0 == pattern || PathPattern.matches($0, pattern) }
        .contains { includes(path, in: files[$0] ?? [], depth: depth + 1) }
    }
  }

  /// Returns the directives with includes replaced by the included directives.
  func expanded(_ directives: [NginxDirective], depth: Int) -> [NginxDirective] {
    guard depth < 32 else { return [] }
    return directives.flatMap { directive in
      guard directive.name == "include", let value = directive.value else { return [directive] }
      let pattern = absolute(value)
      return files.keys.filter { $0 == pattern || PathPattern.matches($0, pattern) }.sorted()
        .flatMap { expanded(files[$0] ?? [], depth: depth + 1) }
    }
  }

  /// Returns a path as absolute; relative paths start at the directory of the main file.
  func absolute(_ path: String) -> String {
    path.hasPrefix("/") ? path : "\(folder)/\(path)"
  }

  /// Returns the address to connect to for a `listen`: a loopback address if it listens on all.
  private static func listens(_ directive: NginxDirective) -> [NginxServer.Listen] {
    guard let value = directive.value, !value.hasPrefix("unix:") else { return [] }
    let proxy = directive.arguments.contains("proxy_protocol")
    let (host, port): (String, Int)
    if value.hasPrefix("["), let end = value.firstIndex(of: "]") {
      host = String(value[value.index(after: value.startIndex)..<end])
      port = Int(value[value.index(after: end)...].dropFirst()) ?? 443
    } else if let colon = value.lastIndex(of: ":") {
      (host, port) = (String(value[..<colon]), Int(value[value.index(after: colon)...]) ?? 443)
    } else if let number = Int(value) {
      (host, port) = ("*", number)
    } else {
      (host, port) = (value, 443)
    }
    let all = ["*": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1", "localhost": "127.0.0.1"]
    return [
      NginxServer.Listen(
        endpoint: Endpoint(host: all[host] ?? host, port: port), expectsProxyHeader: proxy)
    ]
  }
}
