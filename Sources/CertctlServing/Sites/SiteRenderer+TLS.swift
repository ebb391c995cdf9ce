extension SiteRenderer {
  /// The text of a policy of Mozilla's guideline 6.0, without stapling (CAs have ended OCSP).
  ///
  /// - Parameters:
  ///   - policy: Which one.
  ///   - isDHE: Whether clients without elliptic curves are served, too; the guideline no longer
  ///     does.
  /// - Returns: The text.
  func tls(_ policy: SiteTLS, isDHE: Bool = false) -> String {
    var text = NginxText()
    let kept = isDHE ? ", and DHE, which it no longer has" : ""
    text.comment("TLS by Mozilla's guideline 6.0, \(policy.rawValue)\(kept).")
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
        "This nginx takes the protocols of an address from its default server. Where that has\n"
          + "TLS 1.2 for other sites, this list, of which nginx has none, keeps it from this one.")
      text.add("ssl_ciphers", "PSK-AES256-GCM-SHA384")
    case .modern: break
    }
    if isDHE { text.add("ssl_dhparam", paths.shared("dhparam.pem")) }
    text.comment("All of these are strong: clients know best which is fast for them.")
    text.add("ssl_prefer_server_ciphers", "off")
    text.gap()
    text.add("ssl_session_timeout", "1d")
    text.add("ssl_session_cache", "shared:certctl:10m")
    if !build.rotatesTicketKeys {
      text.comment("This nginx would keep one ticket key until it is reloaded.")
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
