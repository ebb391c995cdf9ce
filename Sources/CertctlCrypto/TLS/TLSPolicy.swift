import COpenSSL

/// What an nginx server's directives say about TLS, as far as they decide who can shake hands with it.
package struct TLSPolicy: Sendable, Hashable {
  /// `ssl_protocols`.
  ///
  /// In nginx the default server of a listening address decides this for all servers there.
  package var versions: Set<TLSVersion>

  /// `ssl_ciphers`, which is for versions up to 1.2; nil is nginx's own default.
  package var ciphers: String?

  /// `ssl_ecdh_curve`; nil and `auto` are OpenSSL's own groups.
  package var groups: String?

  /// What the file of `ssl_dhparam` holds, as PEM; without it nginx has no DHE.
  package var dhParameters: [UInt8]?

  /// Makes a policy; the versions without an argument are those of nginx since 1.23.4.
  package init(
    versions: Set<TLSVersion> = [.tls12, .tls13], ciphers: String? = nil, groups: String? = nil,
    dhParameters: [UInt8]? = nil
  ) {
    self.versions = versions
    self.ciphers = ciphers
    self.groups = groups
    self.dhParameters = dhParameters
  }

  /// nginx's `NGX_DEFAULT_CIPHERS`, in every version up to now.
  static let nginxCiphers = "HIGH:!aNULL:!MD5"

  /// The list that is in force.
  var effectiveCiphers: String { ciphers ?? TLSPolicy.nginxCiphers }
}

extension TLSVersion {
  /// Reads a word of `ssl_protocols`; nil for one that is no version of TLS (`SSLv3`).
  ///
  /// - Parameter word: `TLSv1`, `TLSv1.1`, `TLSv1.2`, `TLSv1.3`, in any case, as nginx takes them.
  package init?(directive word: String) {
    switch word.lowercased() {
    case "tlsv1": self = .tls10
    case "tlsv1.1": self = .tls11
    case "tlsv1.2": self = .tls12
    case "tlsv1.3": self = .tls13
    default: return nil
    }
  }

  /// What people call it: `TLS 1.2`.
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
  /// A server's context as nginx makes it (`ngx_ssl_create` and the directives after it).
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
        hint: "not one of its names is a cipher that OpenSSL knows, so nginx refuses it, too")
    }
  }

  /// Leaves out what our own OpenSSL does not know: nginx's may be newer, and `nginx -t` judges that.
  private static func setGroups(
    of policy: TLSPolicy, in context: borrowing Owned
  ) throws(CryptoError) {
    guard let groups = policy.groups, groups.lowercased() != "auto" else { return }
    // Since OpenSSL 3.5: `?` may be unknown, `*` sends a key share, `-` removes, `/` separates tuples.
    let words = groups.split { $0 == ":" || $0 == "/" }.map { $0.drop { "*?".contains($0) } }
    // A list that refers to the defaults of nginx's OpenSSL cannot be taken apart here.
    guard !words.contains(where: { $0.hasPrefix("-") || $0.uppercased() == "DEFAULT" }) else {
      return
    }
    let known = words.filter { word in
      unsafe certctl_set_groups(context.pointer, String(word)) == 1
    }
    ErrorQueue.clear()
    guard !known.isEmpty else {
      throw CryptoError(
        .unsupported, operation: "use the groups for the key exchange", subject: groups,
        reasons: ["OpenSSL knows none of them"])
    }
    guard unsafe certctl_set_groups(context.pointer, known.joined(separator: ":")) == 1 else {
      throw .drained("use the groups for the key exchange", subject: groups)
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
    // It takes them over when it returns 1, and only then.
    guard unsafe SSL_CTX_set0_tmp_dh_pkey(context.pointer, pointer) == 1 else {
      unsafe EVP_PKEY_free(pointer)
      throw .drained(
        operation, hint: "2048 bits are the least that OpenSSL takes: certctl dhparam --out FILE")
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
