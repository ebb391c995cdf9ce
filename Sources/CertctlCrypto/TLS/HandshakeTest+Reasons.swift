import COpenSSL

extension HandshakeTest {
  /// Describes a failed handshake to the author of the nginx directives.
  func explain(_ error: CryptoError, _ suites: [TLSSuite]) -> CryptoError {
    let key = identity.key.publicKey.kind
    let who = client == .browser ? " with a browser" : ""
    let cause = version == .tls13 ? causeOfGroups ?? causeOfGap : cause(suites) ?? causeOfGroups
    // In TLS 1.3 the groups are to blame: `ssl_ciphers` has no effect there.
    let lists = cause?.isAboutGroups ?? (version == .tls13)
    let subject = lists ? policy.groups : policy.effectiveCiphers
    let what = subject == nil ? "" : lists ? " and the groups" : " and the ciphers"
    let unknown = lists ? [] : HandshakeTest.unknownNames(in: policy.effectiveCiphers)
    let note = unknown.isEmpty ? [] : ["OpenSSL does not know " + unknown.joined(separator: ", ")]
    return CryptoError(
      .mismatch,
      operation: "complete a \(version.name) handshake\(who) using a key of type \(key)\(what)",
      subject: subject.map(HandshakeTest.shortened),
      reasons: (cause.map { [$0.reason] } ?? []) + note + error.reasons, hint: cause?.hint)
  }

  private struct Cause {
    var reason: String
    var hint: String
    var isAboutGroups = false
  }

  /// The problem with the TLS 1.2 cipher suites for this key and this client.
  private func cause(_ suites: [TLSSuite]) -> Cause? {
    let isRSA = if case .rsa = identity.key.family { true } else { false }
    let (kind, other) = isRSA ? ("RSA", "ECDSA") : ("ECDSA", "RSA")
    let fitting = suites.filter { $0.authentication == (isRSA ? NID_auth_rsa : NID_auth_ecdsa) }
    guard !fitting.isEmpty else {
      return Cause(
        reason: "the list has no cipher suite for \(kind) keys",
        hint: "add ECDHE-\(kind)-AES128-GCM-SHA256 to ssl_ciphers, or use an \(other) key")
    }
    guard fitting.allSatisfy({ $0.exchange == NID_kx_dhe }) else { return nil }
    guard policy.dhParameters != nil else {
      return Cause(
        reason: "all cipher suites for this key are DHE, and ssl_dhparam is not set",
        hint: "add ECDHE-\(kind)-AES128-GCM-SHA256 to ssl_ciphers, "
          + "or generate DH parameters: certctl dhparam --out FILE")
    }
    guard client == .browser else { return nil }
    return Cause(
      reason: "all cipher suites for this key are DHE, which browsers no longer offer",
      hint: "add ECDHE-\(kind)-AES128-GCM-SHA256 to ssl_ciphers")
  }

  private var causeOfGroups: Cause? {
    guard let groups = policy.groups?.lowercased(), groups != "auto" else { return nil }
    let words = groups.split { ":/*?".contains($0) }
    guard !words.contains(where: { ["x25519", "prime256v1", "p-256", "secp256r1"].contains($0) })
    else { return nil }
    return Cause(
      reason: "the groups include neither X25519 nor P-256",
      hint: "set ssl_ecdh_curve to X25519:prime256v1:secp384r1, or to auto", isAboutGroups: true)
  }

  /// OpenSSL judges a server's ciphers by the newest version below a gap in the versions.
  private var causeOfGap: Cause? {
    guard let oldest = policy.versions.min(), oldest < .tls12, !policy.versions.contains(.tls12)
    else { return nil }
    return Cause(
      reason: "TLS 1.2 is missing between \(oldest.name) and \(version.name)",
      hint: "set ssl_protocols TLSv1.2 TLSv1.3")
  }

  /// The cipher suites in a list that OpenSSL silently ignores because it does not know them.
  static func unknownNames(in ciphers: String) -> [String] {
    let words = ciphers.split { ": ,;".contains($0) }
    // A keyword such as `!MD5` or `ECDHE+AES` may match nothing; a suite's name must match.
    let names = words.filter { $0.contains("-") && !"!-+@".contains($0.prefix(1)) }
    guard let context = unsafe SSL_CTX_new(TLS_server_method()) else { return [] }
    defer {
      unsafe SSL_CTX_free(context)
      ErrorQueue.clear()
    }
    return names.map(String.init).filter { name in
      unsafe SSL_CTX_set_cipher_list(context, name) != 1
    }
  }

  /// Shortens a list to fit into a message.
  static func shortened(_ list: String) -> String {
    list.count > 240 ? "\(list.prefix(239))…" : list
  }
}
