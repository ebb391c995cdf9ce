import COpenSSL
import CertctlBase

/// One TLS connection over memory: bytes go in and come out, and the caller owns the socket.
///
/// It has no descriptor, no thread and no clock. It is not `Sendable`: one task or one event loop
/// owns it. After an error `takeOutput()` still returns the alert for the peer; any other call
/// throws the same error again.
package final class TLSEngine {
  /// The limit for encrypted bytes that have not been read.
  private static let maximumPending = 1 << 20

  private let connection: Owned
  /// The callbacks' policy, which OpenSSL holds unretained.
  private let policy: ServerPolicy?
  private let serverName: String?
  private let verifiesPeer: Bool
  private var failure: CryptoError?

  /// Creates the server's side.
  ///
  /// - Parameter configuration: The server's settings.
  /// - Throws: `CryptoError` for settings that OpenSSL does not accept.
  package init(server configuration: ServerConfiguration) throws(CryptoError) {
    let policy = ServerPolicy(configuration)
    connection = try TLSEngine.connection(TLSContext.server(configuration, policy))
    self.policy = policy
    serverName = nil
    verifiesPeer = false
    unsafe SSL_set_accept_state(connection.pointer)
  }

  /// Creates the server's side from a complete context.
  init(server context: consuming Owned) throws(CryptoError) {
    connection = try TLSEngine.connection(context)
    policy = nil
    serverName = nil
    verifiesPeer = false
    unsafe SSL_set_accept_state(connection.pointer)
  }

  /// Creates the client's side.
  ///
  /// - Parameter configuration: The client's settings.
  /// - Throws: `CryptoError` for settings that OpenSSL does not accept.
  package init(client configuration: ClientConfiguration) throws(CryptoError) {
    let connection = try TLSEngine.connection(TLSContext.client(configuration))
    if let name = configuration.serverName {
      try TLSEngine.expect(name, on: connection)
    }
    unsafe SSL_set_connect_state(connection.pointer)
    self.connection = connection
    policy = nil
    serverName = configuration.serverName
    verifiesPeer = configuration.trust != nil
  }

  /// Accepts bytes from the peer.
  ///
  /// - Parameter bytes: Any part of the stream.
  /// - Throws: `CryptoError` when more than a megabyte is unread.
  package func receive(_ bytes: [UInt8]) throws(CryptoError) {
    if let failure { throw failure }
    guard !bytes.isEmpty else { return }
    let operation = "receive TLS bytes"
    let input = unsafe SSL_get_rbio(connection.pointer)
    guard unsafe BIO_ctrl_pending(input) + bytes.count <= TLSEngine.maximumPending else {
      throw fail(
        CryptoError(.malformed, operation: operation, reasons: ["the peer sends too much data"]))
    }
    ErrorQueue.clear()
    guard let count = Int32(exactly: bytes.count), unsafe BIO_write(input, bytes, count) == count
    else { throw fail(.drained(operation)) }
  }

  /// Removes and returns the bytes for the peer; empty if there are none.
  package func takeOutput() -> [UInt8] {
    guard let output = unsafe SSL_get_wbio(connection.pointer) else { return [] }
    return unsafe MemoryBuffer.takeContents(of: output)
  }

  /// Continues the handshake as far as the received bytes allow.
  ///
  /// - Returns: Whether the handshake is complete.
  /// - Throws: `CryptoError`: `.untrusted` when the peer's certificate is refused, otherwise
  ///   `.openSSL`.
  package func handshake() throws(CryptoError) -> Bool {
    if let failure { throw failure }
    guard !isHandshakeComplete else { return true }
    ErrorQueue.clear()
    let result = unsafe SSL_do_handshake(connection.pointer)
    guard result != 1 else { return true }
    _ = try outcome(result, "complete the TLS handshake")
    return false
  }

  /// Whether the handshake is complete, so that both sides may send.
  package var isHandshakeComplete: Bool {
    unsafe SSL_is_init_finished(connection.pointer) == 1
  }

  /// Encrypts bytes for the peer, which `takeOutput()` then returns.
  ///
  /// - Parameter plaintext: The bytes.
  /// - Throws: `CryptoError`, also before the handshake is complete.
  package func send(_ plaintext: [UInt8]) throws(CryptoError) {
    if let failure { throw failure }
    guard !plaintext.isEmpty else { return }
    let operation = "send over TLS"
    guard isHandshakeComplete else {
      throw CryptoError(.openSSL, operation: operation, reasons: ["the handshake is not complete"])
    }
    ErrorQueue.clear()
    var written = 0
    let result = unsafe SSL_write_ex(
      connection.pointer, plaintext, plaintext.count, &written)
    guard result == 1, written == plaintext.count else {
      throw fail(.drained(operation, subject: serverName))
    }
  }

  /// Decrypts the received bytes.
  ///
  /// - Returns: All available bytes, possibly none; nil after the peer has closed its side.
  /// - Throws: `CryptoError` for a damaged record or an alert.
  package func readPlaintext() throws(CryptoError) -> [UInt8]? {
    if let failure { throw failure }
    var plaintext: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16384)
    while true {
      ErrorQueue.clear()
      var count = 0
      let result = unsafe SSL_read_ex(connection.pointer, &chunk, chunk.count, &count)
      if result == 1 {
        plaintext.append(contentsOf: chunk.prefix(count))
        continue
      }
      let isClosed = try outcome(result, "read over TLS") == .closed
      return isClosed && plaintext.isEmpty ? nil : plaintext
    }
  }

  /// Announces the end of the data (close_notify); `takeOutput()` returns the bytes.
  package func shutdown() {
    guard failure == nil, isHandshakeComplete else { return }
    ErrorQueue.clear()
    _ = unsafe SSL_shutdown(connection.pointer)
    ErrorQueue.clear()
  }
}

extension TLSEngine {
  /// The peer's certificates as it sent them, the leaf first; empty on the server's side.
  package var peerChain: [Certificate] {
    guard let stack = unsafe SSL_get_peer_cert_chain(connection.pointer) else { return [] }
    return (0..<(unsafe certctl_certificates_count(stack))).compactMap { index in
      let operation = "read the peer's certificate"
      guard let certificate = unsafe certctl_certificates_at(stack, index),
        let der = try? unsafe DER.encode(operation, { unsafe i2d_X509(certificate, $0) })
      else { return nil }
      return try? Certificate(der: der)
    }
  }

  /// The negotiated ALPN protocol, or nil.
  package var negotiatedALPN: String? {
    var name: UnsafePointer<UInt8>?
    var length: UInt32 = 0
    unsafe SSL_get0_alpn_selected(connection.pointer, &name, &length)
    guard let name = unsafe name, length > 0 else { return nil }
    return unsafe String(
      decoding: UnsafeBufferPointer(start: name, count: Int(length)), as: UTF8.self)
  }

  /// The negotiated version in OpenSSL's notation: `TLSv1.3`.
  package var negotiatedProtocol: String {
    unsafe SSL_get_version(connection.pointer).map { unsafe String(cString: $0) } ?? ""
  }
}

extension TLSEngine {
  private enum Outcome { case wantsMore, closed }

  /// Interprets the result of a call that did not succeed; throws unless it waits or is closed.
  private func outcome(_ result: Int32, _ operation: String) throws(CryptoError) -> Outcome {
    switch unsafe SSL_get_error(connection.pointer, result) {
    case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .wantsMore
    case SSL_ERROR_ZERO_RETURN: return .closed
    default: break
    }
    var error = CryptoError.drained(operation, subject: serverName)
    let verdict = unsafe SSL_get_verify_result(connection.pointer)
    if verifiesPeer, verdict != Int(X509_V_OK) {
      error.code = .untrusted
      error.reasons.append(TrustStore.reason(verdict))
    }
    throw fail(error)
  }

  private func fail(_ error: CryptoError) -> CryptoError {
    failure = error
    return error
  }

  private static func connection(_ context: consuming Owned) throws(CryptoError) -> Owned {
    let operation = "prepare TLS"
    // The connection keeps its own reference to the context.
    let connection = try unsafe Owned(SSL_new(context.pointer), SSL_free, operation)
    let input = try unsafe Owned(BIO_new(BIO_s_mem()), BIO_vfree, operation)
    let output = try unsafe Owned(BIO_new(BIO_s_mem()), BIO_vfree, operation)
    unsafe SSL_set_bio(connection.pointer, input.release(), output.release())
    return connection
  }

  /// Sets the name for SNI and for the verification of the certificate.
  private static func expect(_ name: String, on connection: borrowing Owned) throws(CryptoError) {
    let operation = "prepare TLS"
    guard !name.utf8.contains(0) else {
      throw CryptoError(
        .malformed, operation: operation, reasons: ["the server name contains a NUL byte"])
    }
    if IPAddress(name) != nil {
      let parameters = unsafe SSL_get0_param(connection.pointer)
      guard unsafe X509_VERIFY_PARAM_set1_ip_asc(parameters, name) == 1 else {
        throw .drained(operation, subject: name)
      }
      return
    }
    unsafe SSL_set_hostflags(connection.pointer, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
    guard unsafe certctl_set_server_name(connection.pointer, name) == 1,
      unsafe SSL_set1_host(connection.pointer, name) == 1
    else { throw .drained(operation, subject: name) }
  }
}
