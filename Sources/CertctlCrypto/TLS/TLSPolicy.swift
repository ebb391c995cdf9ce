import COpenSSL

/// An nginx server's TLS directives, as far as they affect handshakes.
package struct TLSPolicy: Sendable, Hashable {
  /// `ssl_protocols`.
  ///
  /// In nginx the default server of a listening address sets this for all servers on that address.
  package var versions: Set<TLSVersion>

  /// `ssl_ciphers`, for TLS 1.2 and older; nil for nginx's default.
  package var ciphers: String?

  /// `ssl_ecdh_curve`; nil and `auto` select OpenSSL's default groups.
  package var groups: String?

  /// The contents of the file of `ssl_dhparam`, as PEM; without it nginx does not offer DHE.
  package var dhParameters: [UInt8]?

  /// Creates a policy; the default versions are those of nginx since 1.23.4.
  package init(
    versions: Set<TLSVersion> = [.tls12, .tls13], ciphers: String? = nil, groups: String? = nil,
    dhParameters: [UInt8]? = nil
  ) {
    self.versions = versions
    self.ciphers = ciphers
    self.groups = groups
    self.dhParameters = dhParameters
  }

  /// nginx's `NGX_DEFAULT_CIPHERS`, the same in all versions.
  static let nginxCiphers = "HIGH:!aNULL:!MD5"

  /// The cipher list in effect.
  var effectiveCiphers: String { ciphers ?? TLSPolicy.nginxCiphers }
}

extension TLSVersion {
  /// Parses a parameter of `ssl_protocols`; nil for one that is not a TLS version (`SSLv3`).
  ///
  /// - Parameter word: `TLSv1`, `TLSv1.1`, `TLSv1.2` or `TLSv1.3`, in any case, as in nginx.
  package init?(directive word: String) {
    switch word.lowercased() {
    case "tlsv1": self = .tls10
    case "tlsv1.1": self = .tls11
    case "tlsv1.2": self = .tls12
    case "tlsv1.3": self = .tls13
    default: return nil
    }
  }

  /// The version for people: `TLS 1.2`.
  package var name: String {
    switch self {
    case .tls10: "TLS 1.0"
    case .tls11: "TLS 1.1"
    case .tls12: "TLS 1.2"
    case .tls13: "TLS 1.3"
    }
  }
}

extension TLSContext {
  /// Creates a server's context the way nginx does (`ngx_ssl_create` and the directives after it).
  static func server(
    _ policy: TLSPolicy, _ identity: TLSEngine.Identity
  ) throws(CryptoError) -> Owned {
    ErrorQueue.clear()
    let context = try unsafe make(TLS_server_method(), .tls10, .tls13)
    unsafe certctl_disable_sessions(context.pointer)
    for version in TLSVersion.allCases where !policy.versions.contains(version) {
      unsafe certctl_refuse_version(context.pointer, version.rawValue)
    }
    try setCiphers(of: policy, in: context)
    try setGroups(of: policy, in: context)
    try setParameters(of: policy, in: context)
    try load(identity, into: context)
    return context
  }

  private static func setCiphers(
    of policy: TLSPolicy, in context: borrowing Owned
  ) throws(CryptoError) {
    let ciphers = policy.effectiveCiphers
    guard unsafe SSL_CTX_set_cipher_list(context.pointer, ciphers) == 1 else {
      throw .drained(
        "use the cipher list", code: .malformed, subject: HandshakeTest.shortened(ciphers),
        hint: "name at least one cipher that OpenSSL knows; nginx refuses this list too")
    }
  }

  /// Skips groups that this OpenSSL does not know: nginx's may be newer, and `nginx -t` checks
  /// that.
  private static func setGroups(
    of policy: TLSPolicy, in context: borrowing Owned
  ) throws(CryptoError) {
    guard let groups = policy.groups, groups.lowercased() != "auto" else { return }
    // Since OpenSSL 3.5: `?` ignores unknown names, `*` sends a key share, `-` removes, `/`
    // separates.
    let words = groups.split { $0 == ":" || $0 == "/" }.map { $0.drop { "*?".contains($0) } }
    // A list that refers to the defaults of nginx's OpenSSL cannot be evaluated here.
    guard !words.contains(where: { $0.hasPrefix("-") || $0.uppercased() == "DEFAULT" }) else {
      return
    }
    let known = words.filter { word in
      unsafe certctl_set_groups(context.pointer, String(word)) == 1
    }
    ErrorQueue.clear()
    guard !known.isEmpty else {
      throw CryptoError(
        .unsupported, operation: "use the key exchange groups", subject: groups,
        reasons: ["OpenSSL knows none of them"])
    }
    guard unsafe certctl_set_groups(context.pointer, known.joined(separator: ":")) == 1 else {
      throw .drained("use the key exchange groups", subject: groups)
    }
  }

  private static func setParameters(
    of policy: TLSPolicy, in context: borrowing Owned
  ) throws(CryptoError) {
    guard let pem = policy.dhParameters else { return }
    let operation = "use the DH parameters"
    let buffer = try MemoryBuffer(pem, operation)
    let parameters = try unsafe Owned(
      PEM_read_bio_Parameters(buffer.pointer, nil), EVP_PKEY_free, operation)
    let pointer = unsafe parameters.release()
    // OpenSSL takes ownership only if it returns 1.
    guard unsafe SSL_CTX_set0_tmp_dh_pkey(context.pointer, pointer) == 1 else {
      unsafe EVP_PKEY_free(pointer)
      throw .drained(
        operation, hint: "generate parameters of at least 2048 bits: certctl dhparam --out FILE")
    }
  }

  private static func load(
    _ identity: TLSEngine.Identity, into context: borrowing Owned
  ) throws(CryptoError) {
    let operation = "load the certificate and its key"
    guard let leaf = identity.chain.first else {
      throw CryptoError(.mismatch, operation: operation, reasons: ["there is no certificate"])
    }
    let others = try CertificateStack(identity.chain.dropFirst(), operation)
    guard
      unsafe SSL_CTX_use_cert_and_key(
        context.pointer, leaf.handle.pointer, identity.key.handle.pointer, others.pointer, 1) == 1
    else { throw .drained(operation, subject: leaf.subject) }
  }
}
