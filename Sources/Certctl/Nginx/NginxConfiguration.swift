import FoundationEssentials
import HostIO

/// A TLS server of nginx: where it listens, for which names, and with which certificates.
struct NginxServer: Sendable, Equatable {
  /// An address with TLS.
  struct Listen: Sendable, Hashable {
    /// The address to connect to from this host.
    var endpoint: Endpoint
    /// Whether each connection begins with a PROXY protocol header.
    var expectsProxyHeader = false
  }

  /// Where it listens with TLS over TCP.
  var listens: [Listen]
  /// Its names, as they are written.
  var names: [String]
  /// The paths of its certificates.
  var certificates: [String]
}

/// The configuration of an nginx: every file of it.
struct NginxConfiguration: Sendable {
  /// The files by their paths, as nginx names them.
  private let files: [String: [NginxDirective]]
  private let main: String
  private let folder: String

  /// Reads the output of `nginx -T`; nil when there is no configuration in it.
  init?(dump: String) {
    let mark = "# configuration file "
    var files: [String: [NginxDirective]] = [:]
    var order: [String] = []
    var path: String?
    var text = ""
    for line in dump.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix(mark), line.hasSuffix(":") {
        if let path { files[path] = NginxDirective.parse(text) }
        let next = String(line.dropFirst(mark.count).dropLast())
        order.append(next)
        (path, text) = (next, "")
      } else if path != nil {
        text += line + "\n"
      }
    }
    guard let path, let main = order.first else { return nil }
    files[path] = NginxDirective.parse(text)
    self.files = files
    self.main = main
    folder = main.lastIndex(of: "/").map { String(main[..<$0]) } ?? ""
  }

  /// Reads the files themselves: nginx prints none of them when it refuses one; blocks.
  ///
  /// - Parameter path: The absolute path of the main file.
  init(reading path: String) {
    main = path
    folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
    var files: [String: [NginxDirective]] = [:]
    var waiting = [path]
    while let next = waiting.popLast(), files.count < 10_000 {
      guard files[next] == nil, let bytes = FileManager.default.contents(atPath: next) else {
        continue
      }
      let directives = NginxDirective.parse(String(decoding: bytes, as: UTF8.self))
      files[next] = directives
      for pattern in Self.includes(in: directives) {
        let whole = pattern.hasPrefix("/") ? pattern : "\(folder)/\(pattern)"
        waiting += PathPattern.paths(matching: whole)
      }
    }
    self.files = files
  }

  private static func includes(in directives: [NginxDirective]) -> [String] {
    directives.flatMap { directive in
      directive.name == "include"
        ? directive.arguments : includes(in: directive.block ?? [])
    }
  }

  /// The servers that speak TLS, of web, mail and streams.
  var servers: [NginxServer] {
    servers(in: files[main] ?? [], certificates: [], hasTLS: false, depth: 0)
  }

  private func servers(
    in directives: [NginxDirective], certificates inherited: [String], hasTLS: Bool, depth: Int
  ) -> [NginxServer] {
    guard depth < 32 else { return [] }
    let all = expanded(directives, depth: 0)
    let own = all.filter { $0.name == "ssl_certificate" }.compactMap(\.value).map(absolute)
    let certificates = own.isEmpty ? inherited : own
    // Until nginx 1.25.1 a server could have TLS on all its addresses.
    let switched = all.last { $0.name == "ssl" }?.value
    let hasTLS = switched.map { $0 == "on" } ?? hasTLS
    var found: [NginxServer] = []
    for directive in all {
      guard let block = directive.block else { continue }
      if directive.name == "server" {
        if let server = server(block, certificates, hasTLS) { found.append(server) }
      } else if ["http", "stream", "mail"].contains(directive.name) {
        found += servers(
          in: block, certificates: certificates, hasTLS: hasTLS, depth: depth + 1)
      }
    }
    return found
  }

  private func server(
    _ block: [NginxDirective], _ inherited: [String], _ isSwitchedOn: Bool
  ) -> NginxServer? {
    let all = expanded(block, depth: 0)
    let own = all.filter { $0.name == "ssl_certificate" }.compactMap(\.value).map(absolute)
    let hasTLS = all.last { $0.name == "ssl" }?.value.map { $0 == "on" } ?? isSwitchedOn
    let listens = all.filter { $0.name == "listen" }
      .filter { hasTLS || $0.arguments.dropFirst().contains("ssl") }
      .filter { !$0.arguments.contains("quic") && !$0.arguments.contains("udp") }
      .flatMap(Self.listens)
    guard !listens.isEmpty else { return nil }
    return NginxServer(
      listens: listens, names: all.filter { $0.name == "server_name" }.flatMap(\.arguments),
      certificates: own.isEmpty ? inherited : own)
  }

  /// The directives with those of included files in their places.
  private func expanded(_ directives: [NginxDirective], depth: Int) -> [NginxDirective] {
    guard depth < 32 else { return [] }
    return directives.flatMap { directive in
      guard directive.name == "include", let value = directive.value else { return [directive] }
      let pattern = absolute(value)
      return files.keys.filter { $0 == pattern || PathPattern.matches($0, pattern) }.sorted()
        .flatMap { expanded(files[$0] ?? [], depth: depth + 1) }
    }
  }

  /// Paths that are not absolute are relative to the folder of the main file.
  private func absolute(_ path: String) -> String {
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
