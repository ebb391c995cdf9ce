import CertctlBase
import CertctlCrypto
import CertctlSystem

/// Which certificate a server shows, found out by a handshake.
enum ServedCertificate {
  /// The chain that is served at an address for a name, leaf first.
  ///
  /// Nothing is trusted and nothing is sent: the caller compares.
  ///
  /// - Parameters:
  ///   - listen: Where to connect.
  ///   - name: The name for SNI.
  ///   - limit: How long all of it may take.
  /// - Returns: The chain as it was sent.
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
          .transferFailed, operation: "look at", subject: "\(listen.endpoint)",
          detail: "it closed the connection during the handshake")
      }
      try engine.receive(input)
    }
    let chain = engine.peerChain
    engine.shutdown()
    try? connection.send(engine.takeOutput())
    return chain
  }
}
