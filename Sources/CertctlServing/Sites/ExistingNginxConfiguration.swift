import ACME
import CertctlSystem

/// The configuration that certctl does not manage, and the machine of nginx.
struct ExistingNginxConfiguration: Sendable, Equatable {
  /// A `listen` directive of a server in the `http` block that certctl does not manage.
  struct Listen: Sendable, Hashable {
    /// `*`, an IPv4 address, or an IPv6 address in brackets.
    var address: String
    var port: Int
    /// Its other parameters: `ssl`, `default_server`.
    var words: Set<String>
    /// The file that contains it.
    var file: String

    var isDefault: Bool { words.contains("default_server") || words.contains("default") }
    var isQUIC: Bool { words.contains("quic") }
    /// Whether it accepts IPv4 connections too.
    var isDual: Bool { address == "[::]" && words.contains("ipv6only=off") }
  }

  /// A server that certctl does not manage.
  struct Server: Sendable, Equatable {
    var listens: [Listen]
    var names: [String]
    var file: String
  }

  /// The servers that certctl does not manage.
  var servers: [Server] = []
  /// The directives of others that are directly in the `http` block.
  var httpDirectives: Set<String> = []
  /// The machine of nginx.
  var machine = Machine()

  /// Creates an empty configuration.
  init(_ machine: Machine = Machine()) { self.machine = machine }

  /// Reads a configuration.
  ///
  /// - Parameters:
  ///   - configuration: The current configuration.
  ///   - machine: The machine of nginx.
  ///   - ignoring: Whether a path, as nginx sees it, is a file of certctl.
  init(
    _ configuration: NginxConfiguration, machine: Machine, ignoring: (String) -> Bool
  ) {
    self.init(machine)
    let files = configuration.texts.mapValues(NginxDirective.parse)
    let folder = configuration.folder
    /// Returns the directives of a block with its includes resolved, each with its file.
    func expanded(
      _ directives: [NginxDirective], in file: String, depth: Int = 0
    ) -> [(NginxDirective, String)] {
      directives.flatMap { directive -> [(NginxDirective, String)] in
        guard directive.name == "include", let value = directive.value else {
          return [(directive, file)]
        }
        guard depth < 32 else { return [] }
        let pattern = value.hasPrefix("/") ? value : "\(folder)/\(value)"
        return files.keys.filter { $0 == pattern || PathPattern.matches($0, pattern) }.sorted()
          .filter { !ignoring($0) }
          .flatMap { expanded(files[$0] ?? [], in: $0, depth: depth + 1) }
      }
    }
    let main = configuration.main
    for (http, file) in expanded(files[main] ?? [], in: main) where http.name == "http" {
      for (directive, file) in expanded(http.block ?? [], in: file) {
        httpDirectives.insert(directive.name)
        guard directive.name == "server" else { continue }
        let inner = expanded(directive.block ?? [], in: file).map(\.0)
        servers.append(
          Server(
            listens: Self.listens(inner, file),
            names: inner.filter { $0.name == "server_name" }.flatMap(\.arguments)
              .map { $0.lowercased() },
            file: file))
      }
    }
  }

  private static func listens(_ directives: [NginxDirective], _ file: String) -> [Listen] {
    let own = directives.filter { $0.name == "listen" }
    guard !own.isEmpty else { return [Listen(address: "*", port: 80, words: [], file: file)] }
    return own.compactMap { directive in
      guard let value = directive.value, !value.hasPrefix("unix:") else { return nil }
      let words = Set(directive.arguments.dropFirst())
      if let port = Int(value) { return Listen(address: "*", port: port, words: words, file: file) }
      var address = Substring(value)
      var port = 80
      if let colon = value.lastIndex(of: ":"), !value.hasSuffix("]") {
        address = value[..<colon]
        port = Int(value[value.index(after: colon)...]) ?? 80
      }
      if address == "0.0.0.0" { address = "*" }
      return Listen(address: String(address), port: port, words: words, file: file)
    }
  }

  // MARK: - Conclusions

  private var listens: [Listen] { servers.flatMap(\.listens) }

  /// Returns the addresses on which a server for all clients must listen on a port.
  ///
  /// nginx prefers a server that listens on a specific address over one that listens on all. So
  /// each address that other servers name is listed too.
  ///
  /// - Parameters:
  ///   - port: The port.
  ///   - isTLS: Whether it is for HTTPS. Addresses that use plain HTTP are left out, and vice
  ///     versa.
  /// - Returns: The addresses as `listen` takes them, or `*`, for which `listen` takes only the
  ///   port.
  func addresses(_ port: Int, isTLS: Bool) -> [String] {
    let others = listens.filter {
      $0.port == port && !$0.isQUIC && $0.words.contains("ssl") == isTLS
    }
    var addresses = others.contains(where: \.isDual) ? [] : ["*"]
    if machine.hasIPv6 || others.contains(where: \.isDual) { addresses.append("[::]") }
    let named = Set(others.map(\.address)).subtracting(["*", "[::]"])
    return addresses + named.sorted()
  }

  /// Returns whether another server is the default server of an address.
  func hasDefault(_ address: String, _ port: Int, isQUIC: Bool = false) -> Bool {
    listens.contains {
      $0.address == address && $0.port == port && $0.isQUIC == isQUIC && $0.isDefault
    }
  }

  /// Returns whether another server listens on an address without HTTP/2.
  func lacksHTTP2(_ address: String, _ port: Int) -> Bool {
    listens.contains {
      $0.address == address && $0.port == port && !$0.isQUIC && !$0.words.contains("http2")
    }
  }

  /// Returns whether another server sets `reuseport` for HTTP/3.
  func reusesPort(_ address: String, _ port: Int) -> Bool {
    listens.contains {
      $0.address == address && $0.port == port && $0.isQUIC && $0.words.contains("reuseport")
    }
  }

  /// Returns the other files that already serve a name of the site on one of its ports.
  ///
  /// For a duplicate name, nginx only warns and ignores the second server.
  func conflicts(with site: Site) -> [(host: String, file: String)] {
    let ports: Set = [site.httpPort, site.httpsPort]
    return servers.filter { server in server.listens.contains { ports.contains($0.port) } }
      .flatMap { server in
        site.hosts.map(\.value).filter { server.names.contains($0) }
          .map { (host: $0, file: server.file) }
      }
  }

  /// Returns the file whose server is the default of a port only because it comes first; nil if
  /// there is none or the default is explicit.
  func unspokenDefault(_ port: Int) -> String? {
    let others = servers.filter { $0.listens.contains { $0.port == port && !$0.isQUIC } }
    let isSpoken = others.contains {
      $0.listens.contains { $0.port == port && $0.isDefault }
    }
    return isSpoken ? nil : others.first?.file
  }
}
