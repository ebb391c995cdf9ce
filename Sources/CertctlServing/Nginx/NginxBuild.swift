/// The version of an nginx or of its OpenSSL: numbers that are compared from the left.
struct NginxVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// Its numbers, such as 1, 22 and 1.
  let numbers: [Int]

  /// A version by its numbers.
  init(_ numbers: Int...) { self.numbers = numbers }

  /// The number that a text begins with, `1.22.1 (Ubuntu)`; nil when there is none.
  init?(_ text: Substring) {
    let numbers = text.prefix { $0 == "." || ("0"..."9").contains($0) }
      .split(separator: ".").compactMap { Int($0) }
    guard numbers.count >= 2 else { return nil }
    self.numbers = numbers
  }

  /// The version as people write it.
  var description: String { numbers.map(String.init).joined(separator: ".") }

  static func < (left: NginxVersion, right: NginxVersion) -> Bool {
    left.numbers.lexicographicallyPrecedes(right.numbers)
  }
}

/// How an nginx was built, from `nginx -V`: what its configuration may contain.
package struct NginxBuild: Sendable, Equatable {
  /// The version of nginx that it is, or that it is made of (OpenResty).
  let version: NginxVersion
  /// The version of the OpenSSL that it runs with; nil for another library.
  let openSSL: NginxVersion?
  /// The arguments of `configure`, such as `--with-http_v2_module`.
  let arguments: Set<String>

  /// Reads what `nginx -V` writes to its standard error; nil when that is no nginx.
  ///
  /// Of "built with OpenSSL 3.0.15 (running with OpenSSL 3.0.17)" the second counts. OpenResty has
  /// four numbers, the first three of which are nginx's.
  package init?(versionOutput: String) {
    let lines = versionOutput.split(separator: "\n")
    let after = { (line: Substring, mark: String) in
      line.ranges(of: mark).first.map { line[$0.upperBound...] }
    }
    guard
      let named = lines.first(where: { $0.contains(" version: ") }),
      let number = ["nginx/", "openresty/"].lazy.compactMap({ after(named, $0) }).first,
      let version = NginxVersion(number)
    else { return nil }
    self.version = version
    let library = lines.first { $0.hasPrefix("built with ") } ?? ""
    openSSL = ["running with OpenSSL ", "built with OpenSSL "].lazy
      .compactMap { after(library, $0) }.first.flatMap { NginxVersion($0) }
    let configured = lines.first { $0.hasPrefix("configure arguments:") } ?? ""
    arguments = Set(configured.split(separator: " ").dropFirst(2).map(String.init))
  }

  /// Whether it speaks HTTP/2 at all.
  var hasHTTP2: Bool { arguments.contains("--with-http_v2_module") }
  /// Whether `http2 on` says so; before, it was a word of `listen`, which now is a warning.
  var hasHTTP2Directive: Bool { hasHTTP2 && version >= NginxVersion(1, 25, 1) }
  /// Whether it speaks HTTP/3.
  var hasHTTP3: Bool { arguments.contains("--with-http_v3_module") }
  /// Whether it can refuse a handshake without having a certificate (`ssl_reject_handshake`).
  var rejectsHandshake: Bool { version >= NginxVersion(1, 19, 4) }
  /// Whether headers of a location can be added to those of its server.
  var hasAddHeaderInherit: Bool { version >= NginxVersion(1, 29, 3) }
  /// Whether a reload can leave idle connections open for a moment.
  var hasKeepaliveMinTimeout: Bool { version >= NginxVersion(1, 27, 4) }
  /// Whether names in an `upstream` block can be looked up while it runs.
  var resolvesServers: Bool { version >= NginxVersion(1, 27, 3) }
  /// Whether each server of a listening address has protocols of its own, not the default server's.
  var hasServerProtocols: Bool {
    version >= NginxVersion(1, 29, 2) && (openSSL ?? NginxVersion(0, 0)) >= NginxVersion(1, 1, 1)
  }
  /// Whether it changes the keys of session tickets by itself when there is a shared cache.
  var rotatesTicketKeys: Bool { version >= NginxVersion(1, 23, 2) }
  /// Whether it warns of servers that say different things about the protocols of one address.
  var comparesListens: Bool { version >= NginxVersion(1, 23, 4) }
  /// Whether the post-quantum group X25519MLKEM768 is known to its library.
  var knowsMLKEM: Bool { (openSSL ?? NginxVersion(0, 0)) >= NginxVersion(3, 5) }
}
