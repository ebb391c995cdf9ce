extension TLSEngine {
  /// Performs a handshake between a client and a server in memory.
  ///
  /// - Parameters:
  ///   - client: The client's side.
  ///   - server: The server's side.
  /// - Throws: The `CryptoError` of the side that fails first.
  package static func shakeHands(
    client: TLSEngine, server: TLSEngine
  ) throws(CryptoError) {
    // TLS 1.2 needs two round trips; TLS 1.3 one, or two after a HelloRetryRequest.
    for _ in 0..<8 {
      let clientIsDone = try client.handshake()
      try server.receive(client.takeOutput())
      let serverIsDone: Bool
      do throws(CryptoError) {
        serverIsDone = try server.handshake()
      } catch {
        // Deliver the alert, so that the client's state shows it too.
        try? client.receive(server.takeOutput())
        throw error
      }
      try client.receive(server.takeOutput())
      if clientIsDone, serverIsDone { return }
    }
    throw CryptoError(
      .openSSL, operation: "complete the TLS handshake",
      reasons: ["each side is waiting for the other"])
  }
}

/// Verifies with a handshake in memory that a chain and a key can serve TLS.
///
/// OpenSSL must accept both, the client must receive exactly this chain, and the key's signature
/// must match the leaf.
///
/// Trust, names and dates are not checked.
///
/// - Parameters:
///   - chain: The leaf first.
///   - key: The leaf's key.
/// - Throws: `CryptoError`: `.mismatch` when they do not belong together, `.openSSL` when OpenSSL
///   refuses to serve them (a key too small, a digest too weak).
package func trialHandshake(chain: [Certificate], key: PrivateKey) throws(CryptoError) {
  let identity = try TLSEngine.Identity(chain: chain, key: key)
  let server = try TLSEngine(
    server: TLSEngine.ServerConfiguration(defaultIdentity: identity))
  let client = try TLSEngine(client: TLSEngine.ClientConfiguration())
  try TLSEngine.shakeHands(client: client, server: server)
  guard client.peerChain == chain else {
    throw CryptoError(
      .mismatch, operation: "serve the certificate chain", subject: chain.first?.subject,
      reasons: ["the client received a different chain"])
  }
}
