extension SiteRenderer {
  /// Returns the TLS settings of Mozilla's guideline 6.0.
  ///
  /// OCSP stapling is left out, because CAs no longer run OCSP.
  ///
  /// - Parameters:
  ///   - policy: The policy of the guideline.
  ///   - isDHE: Whether to support clients without elliptic curves, which the guideline no longer
  ///     does.
  /// - Returns: The contents of the file.
  func tls(_ policy: SiteTLS, isDHE: Bool = false) -> String {
    var text = NginxText()
    let kept = isDHE ? ", plus DHE (no longer part of the guideline)" : ""
    text.comment("TLS settings of Mozilla's guideline 6.0: \(policy.rawValue)\(kept).")
    text.gap()
    text.add("ssl_protocols", policy == .modern ? "TLSv1.3" : "TLSv1.2 TLSv1.3")
    let groups = ["X25519", "prime256v1", "secp384r1"]
    text.add(
      "ssl_ecdh_curve",
      ((build.knowsMLKEM ? ["X25519MLKEM768"] : []) + groups).joined(separator: ":"))
    switch policy {
    case .intermediate:
      text.add(
        "ssl_ciphers", (Self.ciphers + (isDHE ? Self.finiteField : [])).joined(separator: ":"))
    case .modern where !build.hasServerProtocols:
      text.comment(
        "This nginx takes the TLS versions of an address from its default server. If that server\n"
          + "allows TLS 1.2, this cipher, which nginx cannot use, keeps TLS 1.2 off here.")
      text.add("ssl_ciphers", "PSK-AES256-GCM-SHA384")
    case .modern: break
    }
    if isDHE { text.add("ssl_dhparam", paths.shared("dhparam.pem")) }
    text.comment("All ciphers are strong, so the client may choose the fastest one.")
    text.add("ssl_prefer_server_ciphers", "off")
    text.gap()
    text.add("ssl_session_timeout", "1d")
    text.add("ssl_session_cache", "shared:certctl:10m")
    if !build.rotatesTicketKeys {
      text.comment("This nginx would use the same ticket key until it is reloaded.")
      text.add("ssl_session_tickets", "off")
    }
    return text.text
  }

  private static let ciphers = [
    "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
  ]

  private static let finiteField = [
    "DHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES256-GCM-SHA384", "DHE-RSA-CHACHA20-POLY1305",
  ]
}
