package import CertctlBase
import CertctlSystem

/// A TLS server of nginx: where it listens, for which names, and with which certificates.
package struct NginxServer: Sendable, Equatable {
  /// An address with TLS.
  package struct Listen: Sendable, Hashable {
    /// The address to connect to from this host.
    package var endpoint: Endpoint
    /// Whether each connection begins with a PROXY protocol header.
    var expectsProxyHeader = false
  }

  /// Where it listens with TLS over TCP.
  package var listens: [Listen]
  /// Its names, as they are written.
  package var names: [String]
  /// The paths of its certificates.
  var certificates: [String]
  /// The arguments of the directives that say how it speaks TLS, by their names: its own, or those
  /// that it inherits.
  var policy: [String: [String]] = [:]
}

/// The configuration of an nginx: every file of it.
struct NginxConfiguration: Sendable {
  /// The files by their paths, as nginx names them.
  let files: [String: [NginxDirective]]
  /// The text of each file by its path.
  let texts: [String: String]
  /// The path of the main file.
  let main: String
  /// The folder of the main file, where relative paths begin.
  let folder: String

  /// The directives that say how a server speaks TLS.
  private static let policyNames = [
    "ssl_protocols", "ssl_ciphers", "ssl_ecdh_curve", "ssl_dhparam",
  ]

  /// Reads the output of `nginx -T`; nil when there is no configuration in it.
  init?(dump: String) {
    let mark = "# configuration file "
    var texts: [String: String] = [:]
    var main: String?
    var path: String?
    var text = ""
    for line in dump.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix(mark), line.hasSuffix(":") {
        // What stands in a file can look like the head of another one: the first one counts.
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

  /// The configuration that these files are.
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

  /// Reads the files themselves: nginx prints none of them when it refuses one.
  ///
  /// - Parameters:
  ///   - path: The absolute path of the main file, as nginx sees it.
  ///   - nginx: Whose files they are, if they are not those of this host.
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

  /// The servers that speak TLS, of web, mail and streams.
  var servers: [NginxServer] {
    servers(in: files[main] ?? [], Inherited(), depth: 0)
  }

  /// What a block has from those around it.
  private struct Inherited {
    var certificates: [String] = []
    var hasTLS = false
    var policy: [String: [String]] = [:]

    /// The same with what these directives of the block itself say.
    func with(_ directives: [NginxDirective], absolute: (String) -> String) -> Inherited {
      var result = self
      let own = directives.filter { $0.name == "ssl_certificate" }.compactMap(\.value)
      if !own.isEmpty { result.certificates = own.map(absolute) }
      // Until nginx 1.25.1 a server could have TLS on all its addresses.
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

  /// Whether a file of this path, once it is there, is read as a part of the `http` block.
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

  /// The directives with those of included files in their places.
  func expanded(_ directives: [NginxDirective], depth: Int) -> [NginxDirective] {
    guard depth < 32 else { return [] }
    return directives.flatMap { directive in
      guard directive.name == "include", let value = directive.value else { return [directive] }
      let pattern = absolute(value)
      return files.keys.filter { $0 == pattern || PathPattern.matches($0, pattern) }.sorted()
        .flatMap { expanded(files[$0] ?? [], depth: depth + 1) }
    }
  }

  /// Paths that are not absolute are relative to the folder of the main file.
  func absolute(_ path: String) -> String {
    path.hasPrefix("/") ? path : "\(folder)/\(path)"
  }

  /// Where to connect for a `listen`: an address of this host where it says "all".
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
