import ACME
import CertctlSystem

/// What lies around certctl's own files: what other files of nginx's configuration say, and what the
/// machine is like that nginx runs on.
struct ExistingNginxConfiguration: Sendable, Equatable {
  /// One `listen` of somebody else's server of the `http` block.
  struct Listen: Sendable, Hashable {
    /// `*`, an IPv4 address, or an IPv6 address in brackets.
    var address: String
    var port: Int
    /// Its other words: `ssl`, `default_server`.
    var words: Set<String>
    /// The file that has it.
    var file: String

    var isDefault: Bool { words.contains("default_server") || words.contains("default") }
    var isQUIC: Bool { words.contains("quic") }
    /// Whether it takes IPv4 connections too.
    var isDual: Bool { address == "[::]" && words.contains("ipv6only=off") }
  }

  /// A server of somebody else's.
  struct Server: Sendable, Equatable {
    var listens: [Listen]
    var names: [String]
    var file: String
  }

  /// Somebody else's servers.
  var servers: [Server] = []
  /// The directives that somebody else has put straight into the `http` block.
  var httpDirectives: Set<String> = []
  /// The machine that nginx runs on.
  var machine = Machine()

  /// Nothing but the machine.
  init(_ machine: Machine = Machine()) { self.machine = machine }

  /// Reads a configuration.
  ///
  /// - Parameters:
  ///   - configuration: The configuration as it is.
  ///   - machine: The machine that nginx runs on.
  ///   - ignoring: Whether the file of this path, as nginx sees it, is one of certctl's own.
  init(
    _ configuration: NginxConfiguration, machine: Machine, ignoring: (String) -> Bool
  ) {
    self.init(machine)
    let files = configuration.texts.mapValues(NginxDirective.parse)
    let folder = configuration.folder
    /// The directives of a block and of the files that it includes, with the file of each.
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

  // MARK: - What follows from it

  private var listens: [Listen] { servers.flatMap(\.listens) }

  /// The addresses at which a server for everybody has to listen on a port.
  ///
  /// To nginx a server that listens on all addresses is none of those of an address that somebody
  /// names, so these are listed too.
  ///
  /// - Parameters:
  ///   - port: The port.
  ///   - isTLS: Whether it is for HTTPS: an address with plain HTTP keeps that.
  /// - Returns: The addresses, as `listen` takes them but for `*`, which is none there.
  func addresses(_ port: Int, isTLS: Bool) -> [String] {
    let others = listens.filter {
      $0.port == port && !$0.isQUIC && $0.words.contains("ssl") == isTLS
    }
    var addresses = others.contains(where: \.isDual) ? [] : ["*"]
    if machine.hasIPv6 || others.contains(where: \.isDual) { addresses.append("[::]") }
    let named = Set(others.map(\.address)).subtracting(["*", "[::]"])
    return addresses + named.sorted()
  }

  /// Whether somebody else has the default server of an address.
  func hasDefault(_ address: String, _ port: Int, isQUIC: Bool = false) -> Bool {
    listens.contains {
      $0.address == address && $0.port == port && $0.isQUIC == isQUIC && $0.isDefault
    }
  }

  /// Whether somebody else listens at an address with TLS and without HTTP/2.
  func lacksHTTP2(_ address: String, _ port: Int) -> Bool {
    listens.contains {
      $0.address == address && $0.port == port && !$0.isQUIC && !$0.words.contains("http2")
    }
  }

  /// Whether somebody else has set up the sockets of HTTP/3.
  func reusesPort(_ address: String, _ port: Int) -> Bool {
    listens.contains {
      $0.address == address && $0.port == port && $0.isQUIC && $0.words.contains("reuseport")
    }
  }

  /// The files of somebody else that serve a name already, on a port that the site wants.
  ///
  /// nginx only warns of a name that is there twice, and passes over the second server.
  func conflicts(with site: Site) -> [(host: String, file: String)] {
    let ports: Set = [site.httpPort, site.httpsPort]
    return servers.filter { server in server.listens.contains { ports.contains($0.port) } }
      .flatMap { server in
        site.hosts.map(\.value).filter { server.names.contains($0) }
          .map { (host: $0, file: server.file) }
      }
  }

  /// The file whose server answers for unknown names on a port only because it comes first: nil when
  /// there is none, or when it says that it is the default.
  func unspokenDefault(_ port: Int) -> String? {
    let others = servers.filter { $0.listens.contains { $0.port == port && !$0.isQUIC } }
    let isSpoken = others.contains {
      $0.listens.contains { $0.port == port && $0.isDefault }
    }
    return isSpoken ? nil : others.first?.file
  }
}
