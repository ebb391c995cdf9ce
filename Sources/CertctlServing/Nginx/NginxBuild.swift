/// The version of nginx or OpenSSL, compared number by number.
struct NginxVersion: Sendable, Hashable, Comparable, CustomStringConvertible {
  /// The numbers, such as 1, 22 and 1.
  let numbers: [Int]

  /// Creates a version from numbers.
  init(_ numbers: Int...) { self.numbers = numbers }

  /// Parses the version at the start of a text such as `1.22.1 (Ubuntu)`; nil if there is none.
  init?(_ text: Substring) {
    let numbers = text.prefix { $0 == "." || ("0"..."9").contains($0) }
      .split(separator: ".").compactMap { Int($0) }
    guard numbers.count >= 2 else { return nil }
    self.numbers = numbers
  }

  /// The version in the usual form.
  var description: String { numbers.map(String.init).joined(separator: ".") }

  static func < (left: NginxVersion, right: NginxVersion) -> Bool {
    left.numbers.lexicographicallyPrecedes(right.numbers)
  }
}

/// The build of an nginx, from `nginx -V`: which features its configuration may use.
package struct NginxBuild: Sendable, Equatable {
  /// The version of nginx, or of the nginx in OpenResty.
  let version: NginxVersion
  /// The version of the OpenSSL in use; nil for another library.
  let openSSL: NginxVersion?
  /// The arguments of `configure`, such as `--with-http_v2_module`.
  let arguments: Set<String>

  /// Parses the output of `nginx -V`; nil if it is not from an nginx.
  ///
  /// In "built with OpenSSL 3.0.15 (running with OpenSSL 3.0.17)", the second version counts.
  /// OpenResty versions have four numbers, of which the first three are nginx's.
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

  /// Whether it supports HTTP/2.
  var hasHTTP2: Bool { arguments.contains("--with-http_v2_module") }
  /// Whether it has the directive `http2`; older versions use a parameter of `listen`.
  var hasHTTP2Directive: Bool { hasHTTP2 && version >= NginxVersion(1, 25, 1) }
  /// Whether it supports HTTP/3.
  var hasHTTP3: Bool { arguments.contains("--with-http_v3_module") }
  /// Whether it can reject a handshake without a certificate (`ssl_reject_handshake`).
  var rejectsHandshake: Bool { version >= NginxVersion(1, 19, 4) }
  /// Whether locations can inherit the headers of their server (`add_header_inherit`).
  var hasAddHeaderInherit: Bool { version >= NginxVersion(1, 29, 3) }
  /// Whether a reload can keep idle connections open for a moment (`keepalive_min_timeout`).
  var hasKeepaliveMinTimeout: Bool { version >= NginxVersion(1, 27, 4) }
  /// Whether names in an `upstream` block can be resolved at run time.
  var resolvesServers: Bool { version >= NginxVersion(1, 27, 3) }
  /// Whether each server has its own TLS versions, not those of the default server.
  var hasServerProtocols: Bool {
    version >= NginxVersion(1, 29, 2) && (openSSL ?? NginxVersion(0, 0)) >= NginxVersion(1, 1, 1)
  }
  /// Whether it rotates the keys of session tickets automatically if the session cache is shared.
  var rotatesTicketKeys: Bool { version >= NginxVersion(1, 23, 2) }
  /// Whether it warns about servers with different protocols on the same address.
  var comparesListens: Bool { version >= NginxVersion(1, 23, 4) }
  /// Whether its TLS library supports the post-quantum group X25519MLKEM768.
  var knowsMLKEM: Bool { (openSSL ?? NginxVersion(0, 0)) >= NginxVersion(3, 5) }
}
