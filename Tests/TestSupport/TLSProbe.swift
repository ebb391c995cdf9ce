/// A TLS handshake with a server on loopback, made with the openssl command.
package struct TLSProbe: Sendable {
  /// The served chain, leaf first, each certificate as PEM.
  package let chain: [String]
  /// Whether openssl verified the chain against the given bundle.
  package let isTrusted: Bool
  /// The complete output of openssl.
  package let report: String

  /// Performs one handshake.
  ///
  /// `serverName` nil sends no SNI. `bundle` is the path of the trusted roots; nil trusts none.
  /// `protocols` are offered with ALPN.
  package static func connect(
    port: Int, serverName: String?, trusting bundle: String? = nil, protocols: [String] = []
  ) async throws -> TLSProbe {
    var arguments = ["s_client", "-connect", "127.0.0.1:\(port)", "-showcerts"]
    arguments +=
      serverName.map { ["-servername", $0, "-verify_hostname", $0] } ?? ["-noservername"]
    arguments += bundle.map { ["-CAfile", $0, "-no-CApath", "-no-CAstore"] } ?? []
    if !protocols.isEmpty { arguments += ["-alpn", protocols.joined(separator: ",")] }
    let result = try await Program("openssl", arguments).run(within: .seconds(20))
    return TLSProbe(
      chain: certificates(in: result.standardOutput),
      isTrusted: bundle != nil && result.standardOutput.contains("Verify return code: 0 (ok)"),
      report: result.standardOutput + result.standardError)
  }

  /// Returns the PEM certificates in a text, each ending with a newline.
  package static func certificates(in text: String) -> [String] {
    var blocks: [String] = []
    var current: [Substring]?
    for line in text.split(separator: "\n") {
      if line == "-----BEGIN CERTIFICATE-----" { current = [] }
      current?.append(line)
      if line == "-----END CERTIFICATE-----", let lines = current {
        blocks.append(lines.joined(separator: "\n") + "\n")
        current = nil
      }
    }
    return blocks
  }
}
