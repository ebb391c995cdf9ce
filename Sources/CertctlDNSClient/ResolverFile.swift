package import CertctlBase

/// The resolver configuration of this host.
package enum ResolverFile {
  /// Returns the addresses of the `nameserver` lines (resolv.conf(5)), or else 127.0.0.1.
  ///
  /// - Parameters:
  ///   - text: The contents of the file.
  ///   - port: The port of the resolvers.
  /// - Returns: The resolvers in their order, at least one.
  package static func servers(in text: String, port: Int = 53) -> [Endpoint] {
    let servers = text.split(whereSeparator: \.isNewline).compactMap { line -> Endpoint? in
      let words = line.split(whereSeparator: \.isWhitespace)
      guard words.count >= 2, words[0] == "nameserver" else { return nil }
      return Endpoint(host: String(words[1]), port: port)
    }
    return servers.isEmpty ? [Endpoint(host: "127.0.0.1", port: port)] : servers
  }
}
