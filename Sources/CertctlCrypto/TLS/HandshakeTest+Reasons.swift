import COpenSSL

extension HandshakeTest {
  /// What a failed handshake means for the one who wrote the directives.
  func explain(_ error: CryptoError, _ suites: [TLSSuite]) -> CryptoError {
    let key = identity.key.publicKey.kind
    let who = client == .browser ? " with a browser" : ""
    let cause = version == .tls13 ? causeOfGroups ?? causeOfGap : cause(suites) ?? causeOfGroups
    // Which list to look at; for 1.3 the ciphers decide nothing.
    let lists = cause?.isAboutGroups ?? (version == .tls13)
    let subject = lists ? policy.groups : policy.effectiveCiphers
    let what = subject == nil ? "" : lists ? ", and the groups" : ", and the ciphers"
    let unknown = lists ? [] : HandshakeTest.unknownNames(in: policy.effectiveCiphers)
    let note = unknown.isEmpty ? [] : ["OpenSSL does not know " + unknown.joined(separator: ", ")]
    return CryptoError(
      .mismatch,
      operation: "shake hands over \(version.name)\(who) with a key of type \(key)\(what)",
      subject: subject.map(HandshakeTest.shortened),
      reasons: (cause.map { [$0.reason] } ?? []) + note + error.reasons, hint: cause?.hint)
  }

  private struct Cause {
    var reason: String
    var hint: String
    var isAboutGroups = false
  }

  /// What is wrong with the suites of TLS 1.2 for this key and this client.
  private func cause(_ suites: [TLSSuite]) -> Cause? {
    let isRSA = if case .rsa = identity.key.family { true } else { false }
    let (kind, other) = isRSA ? ("RSA", "ECDSA") : ("ECDSA", "RSA")
    let fitting = suites.filter { $0.authentication == (isRSA ? NID_auth_rsa : NID_auth_ecdsa) }
    guard !fitting.isEmpty else {
      return Cause(
        reason: "no suite in the list is for \(kind) keys",
        hint: "add ECDHE-\(kind)-AES128-GCM-SHA256 to ssl_ciphers, or take an \(other) key")
    }
    guard fitting.allSatisfy({ $0.exchange == NID_kx_dhe }) else { return nil }
    guard policy.dhParameters != nil else {
      return Cause(
        reason: "all suites for this key are DHE, and there is no ssl_dhparam",
        hint: "add ECDHE-\(kind)-AES128-GCM-SHA256 to ssl_ciphers, which needs no parameters, "
          + "or make some: certctl dhparam --out FILE")
    }
    guard client == .browser else { return nil }
    return Cause(
      reason: "all suites for this key are DHE, which browsers no longer offer",
      hint: "add ECDHE-\(kind)-AES128-GCM-SHA256 to ssl_ciphers")
  }

  private var causeOfGroups: Cause? {
    guard let groups = policy.groups?.lowercased(), groups != "auto" else { return nil }
    let words = groups.split { ":/*?".contains($0) }
    guard !words.contains(where: { ["x25519", "prime256v1", "p-256", "secp256r1"].contains($0) })
    else { return nil }
    return Cause(
      reason: "neither X25519 nor P-256 is among the groups",
      hint: "set ssl_ecdh_curve to X25519:prime256v1:secp384r1, or to auto", isAboutGroups: true)
  }

  /// OpenSSL judges a server's ciphers by the newest version below a gap.
  private var causeOfGap: Cause? {
    guard let oldest = policy.versions.min(), oldest < .tls12, !policy.versions.contains(.tls12)
    else { return nil }
    return Cause(
      reason: "TLS 1.2 is missing between \(oldest.name) and \(version.name)",
      hint: "set ssl_protocols TLSv1.2 TLSv1.3")
  }

  /// Names of suites in a list that OpenSSL drops without a word.
  static func unknownNames(in ciphers: String) -> [String] {
    let words = ciphers.split { ": ,;".contains($0) }
    // Words like `!MD5` or `ECDHE+AES` may stand for nothing; the name of a suite may not.
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

  /// A list that fits into a message.
  static func shortened(_ list: String) -> String {
    list.count > 240 ? "\(list.prefix(239))…" : list
  }
}
