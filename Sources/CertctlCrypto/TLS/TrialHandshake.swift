extension TLSEngine {
  /// Lets a client and a server in memory shake hands.
  ///
  /// - Parameters:
  ///   - client: The client's side.
  ///   - server: The server's side.
  /// - Throws: `CryptoError` of the side that fails first.
  package static func shakeHands(
    client: TLSEngine, server: TLSEngine
  ) throws(CryptoError) {
    // TLS 1.2 needs two round trips, TLS 1.3 one, or two after a retry of the hello.
    for _ in 0..<8 {
      let clientIsDone = try client.handshake()
      try server.receive(client.takeOutput())
      let serverIsDone: Bool
      do throws(CryptoError) {
        serverIsDone = try server.handshake()
      } catch {
        // The client's state shall show the alert, too.
        try? client.receive(server.takeOutput())
        throw error
      }
      try client.receive(server.takeOutput())
      if clientIsDone, serverIsDone { return }
    }
    throw CryptoError(
      .openSSL, operation: "complete the TLS handshake", reasons: ["both sides wait"])
  }
}

/// Proves in memory that a chain and a key can serve TLS: OpenSSL accepts both, the client gets exactly
/// this chain, and the signature made by the key fits its leaf.
///
/// Trust, names and dates are not looked at.
///
/// - Parameters:
///   - chain: The leaf first.
///   - key: The leaf's key.
/// - Throws: `CryptoError`: `.mismatch` when they do not belong together, `.openSSL` when OpenSSL refuses
///   to serve them (a key too small, a digest too weak).
package func trialHandshake(chain: [Certificate], key: PrivateKey) throws(CryptoError) {
  let identity = try TLSEngine.Identity(chain: chain, key: key)
  let server = try TLSEngine(
    server: TLSEngine.ServerConfiguration(defaultIdentity: identity))
  let client = try TLSEngine(client: TLSEngine.ClientConfiguration())
  try TLSEngine.shakeHands(client: client, server: server)
  guard client.peerChain == chain else {
    throw CryptoError(
      .mismatch, operation: "serve the certificate chain", subject: chain.first?.subject,
      reasons: ["the client got another chain"])
  }
}
