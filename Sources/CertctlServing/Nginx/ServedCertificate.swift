import CertctlBase
import CertctlCrypto
import CertctlSystem

/// Reads the certificate that a server presents in a TLS handshake.
enum ServedCertificate {
  /// Returns the chain that an address serves for a name, leaf first.
  ///
  /// The chain is not validated and no request is sent; the caller compares the certificates.
  ///
  /// - Parameters:
  ///   - listen: Where to connect.
  ///   - name: The name for SNI.
  ///   - limit: The time limit for the whole handshake.
  /// - Returns: The chain as the server sent it.
  /// - Throws: `HostError` or `CryptoError`.
  static func chain(
    at listen: NginxServer.Listen, for name: String, within limit: Duration = .seconds(5)
  ) async throws -> [Certificate] {
    try await TCPConnection.converse(with: listen.endpoint, within: limit) { connection in
      try chain(from: connection, at: listen, for: name)
    }
  }

  private static func chain(
    from connection: borrowing TCPConnection, at listen: NginxServer.Listen, for name: String
  ) throws -> [Certificate] {
    if listen.expectsProxyHeader { try connection.send(Array("PROXY UNKNOWN\r\n".utf8)) }
    let engine = try TLSEngine(client: .init(serverName: name))
    while try !engine.handshake() {
      let output = engine.takeOutput()
      if !output.isEmpty { try connection.send(output) }
      let input = try connection.receive()
      guard !input.isEmpty else {
        throw HostError(
          .transferFailed, operation: "read the certificate of", subject: "\(listen.endpoint)",
          detail: "the server closed the connection during the handshake")
      }
      try engine.receive(input)
    }
    let chain = engine.peerChain
    engine.shutdown()
    try? connection.send(engine.takeOutput())
    return chain
  }
}
