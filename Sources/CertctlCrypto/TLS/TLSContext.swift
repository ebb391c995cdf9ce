import COpenSSL

/// Selects the server's certificate and protocol, for OpenSSL's callbacks.
final class ServerPolicy: Sendable {
  private let defaultIdentity: TLSEngine.Identity?
  private let identities: [String: TLSEngine.Identity]
  private let alpn: [String]

  init(_ configuration: TLSEngine.ServerConfiguration) {
    defaultIdentity = configuration.defaultIdentity
    var identities: [String: TLSEngine.Identity] = [:]
    for (name, identity) in configuration.identities { identities[name.lowercased()] = identity }
    self.identities = identities
    alpn = configuration.alpn
  }

  /// Returns the policy that a callback's argument points to.
  static func of(_ argument: UnsafeMutableRawPointer?) -> ServerPolicy? {
    unsafe argument.map { unsafe Unmanaged<ServerPolicy>.fromOpaque($0).takeUnretainedValue() }
  }

  /// The argument for a callback; the engine keeps the policy alive.
  var argument: UnsafeMutableRawPointer { unsafe Unmanaged.passUnretained(self).toOpaque() }

  /// Returns the identity for the client of a connection; nil refuses the client.
  func identity(for connection: OpaquePointer?) -> TLSEngine.Identity? {
    guard let name = unsafe SSL_get_servername(connection, TLSEXT_NAMETYPE_host_name) else {
      return defaultIdentity
    }
    return unsafe identities[String(cString: name).lowercased()] ?? defaultIdentity
  }

  /// Returns the range of the selected protocol in the client's list.
  func chosenProtocol(in list: [UInt8]) -> Range<Int>? { ALPNList.range(ofFirst: alpn, in: list) }
}

/// Creates OpenSSL's context for one connection.
enum TLSContext {
  private static let operation = "prepare TLS"

  static func server(
    _ configuration: TLSEngine.ServerConfiguration, _ policy: ServerPolicy
  ) throws(CryptoError) -> Owned {
    ErrorQueue.clear()
    let context = try unsafe make(
      TLS_server_method(), configuration.minimumVersion, configuration.maximumVersion)
    // Each connection has its own context, so sessions cannot be resumed.
    unsafe certctl_disable_sessions(context.pointer)
    unsafe certctl_set_server_name_callback(context.pointer, refuseUnknownName, policy.argument)
    unsafe SSL_CTX_set_cert_cb(context.pointer, showCertificate, policy.argument)
    if !configuration.alpn.isEmpty {
      _ = try ALPNList.encode(configuration.alpn, operation)
      unsafe SSL_CTX_set_alpn_select_cb(context.pointer, chooseProtocol, policy.argument)
    }
    return context
  }

  static func client(_ configuration: TLSEngine.ClientConfiguration) throws(CryptoError) -> Owned {
    ErrorQueue.clear()
    let context = try unsafe make(
      TLS_client_method(), configuration.minimumVersion, configuration.maximumVersion)
    if let trust = configuration.trust {
      unsafe SSL_CTX_set_verify(context.pointer, SSL_VERIFY_PEER, nil)
      unsafe SSL_CTX_set1_cert_store(context.pointer, trust.handle.pointer)
    } else {
      unsafe SSL_CTX_set_verify(context.pointer, SSL_VERIFY_NONE, nil)
    }
    if let ciphers = configuration.ciphers {
      guard unsafe SSL_CTX_set_cipher_list(context.pointer, ciphers) == 1 else {
        throw .drained(operation, subject: ciphers)
      }
    }
    if let groups = configuration.groups {
      guard unsafe certctl_set_groups(context.pointer, groups) == 1 else {
        throw .drained(operation, subject: groups)
      }
    }
    if let algorithms = configuration.signatureAlgorithms {
      guard unsafe certctl_set_signature_algorithms(context.pointer, algorithms) == 1 else {
        throw .drained(operation, subject: algorithms)
      }
    }
    let alpn = try ALPNList.encode(configuration.alpn, operation)
    // This one returns 0 for success.
    guard
      unsafe alpn.isEmpty
        || SSL_CTX_set_alpn_protos(context.pointer, alpn, UInt32(alpn.count)) == 0
    else { throw .drained(operation) }
    return context
  }

  static func make(
    _ method: OpaquePointer?, _ minimum: TLSVersion, _ maximum: TLSVersion
  ) throws(CryptoError) -> Owned {
    let context = try unsafe Owned(SSL_CTX_new(method), SSL_CTX_free, operation)
    guard
      unsafe certctl_set_protocols(context.pointer, minimum.rawValue, maximum.rawValue) == 1
    else { throw .drained(operation) }
    return context
  }
}

/// Refuses unknown names: only this callback can send the alert `unrecognized_name`.
private func refuseUnknownName(
  _ connection: OpaquePointer?, _ alert: UnsafeMutablePointer<Int32>?,
  _ argument: UnsafeMutableRawPointer?
) -> Int32 {
  guard unsafe ServerPolicy.of(argument)?.identity(for: connection) == nil else {
    return SSL_TLSEXT_ERR_OK
  }
  unsafe alert?.pointee = SSL_AD_UNRECOGNIZED_NAME
  return SSL_TLSEXT_ERR_ALERT_FATAL
}

/// Sets the chain and the key of one connection; 0 refuses it.
private func showCertificate(
  _ connection: OpaquePointer?, _ argument: UnsafeMutableRawPointer?
) -> Int32 {
  guard let identity = unsafe ServerPolicy.of(argument)?.identity(for: connection),
    let leaf = identity.chain.first,
    let others = try? CertificateStack(identity.chain.dropFirst(), "show a certificate")
  else { return 0 }
  return unsafe SSL_use_cert_and_key(
    connection, leaf.handle.pointer, identity.key.handle.pointer, others.pointer, 1)
}

/// Selects a protocol; the result points into the client's list, which lives long enough.
private func chooseProtocol(
  _ connection: OpaquePointer?, _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?,
  _ chosenLength: UnsafeMutablePointer<UInt8>?, _ offered: UnsafePointer<UInt8>?,
  _ offeredLength: UInt32, _ argument: UnsafeMutableRawPointer?
) -> Int32 {
  let list = unsafe Array(UnsafeBufferPointer(start: offered, count: Int(offeredLength)))
  guard let offered = unsafe offered,
    let range = unsafe ServerPolicy.of(argument)?.chosenProtocol(in: list)
  else { return SSL_TLSEXT_ERR_ALERT_FATAL }
  unsafe chosen?.pointee = unsafe offered + range.lowerBound
  unsafe chosenLength?.pointee = UInt8(range.count)
  return SSL_TLSEXT_ERR_OK
}
