package import CertctlBase

/// The resolvers that this host uses.
package enum ResolverFile {
  /// The addresses of `nameserver` lines (resolv.conf(5)), in their order; this host where there is none.
  ///
  /// - Parameters:
  ///   - text: The file's text.
  ///   - port: The port that resolvers listen on.
  /// - Returns: The servers, at least one.
  package static func servers(in text: String, port: Int = 53) -> [Endpoint] {
    let servers = text.split(whereSeparator: \.isNewline).compactMap { line -> Endpoint? in
      let words = line.split(whereSeparator: \.isWhitespace)
      guard words.count >= 2, words[0] == "nameserver" else { return nil }
      return Endpoint(host: String(words[1]), port: port)
    }
    return servers.isEmpty ? [Endpoint(host: "127.0.0.1", port: port)] : servers
  }
}
