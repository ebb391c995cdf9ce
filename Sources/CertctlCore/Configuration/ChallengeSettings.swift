package import ACME

/// The validation settings of a lineage.
package struct ChallengeSettings: Codable, Sendable, Hashable {
  /// The challenge type.
  package var type: ChallengeType
  /// The port of the built-in http-01 listener, 80 by default.
  package var httpPort: Int?
  /// The address of the built-in listeners, all IPv4 and IPv6 addresses by default.
  package var httpAddress: String?
  /// The directory that a web server serves as `/`, for http-01 without a listener.
  package var webroot: String?
  /// The port of the built-in tls-alpn-01 listener, 443 by default.
  package var tlsPort: Int?
  /// The DNS provider and the check of its records; also for the wildcards of a lineage whose other
  /// names use another challenge type.
  package var dns: DNSSettings?

  /// Creates the settings for a challenge type.
  package init(
    type: ChallengeType, httpPort: Int? = nil, httpAddress: String? = nil, webroot: String? = nil,
    tlsPort: Int? = nil, dns: DNSSettings? = nil
  ) {
    self.type = type
    self.httpPort = httpPort
    self.httpAddress = httpAddress
    self.webroot = webroot
    self.tlsPort = tlsPort
    self.dns = dns
  }

  /// Returns the settings with another challenge type.
  package func with(_ type: ChallengeType) -> ChallengeSettings {
    var settings = self
    settings.type = type
    return settings
  }

  /// Checks a listen address.
  ///
  /// - Throws: `CertctlError` with code `usage` if it is not an IP address.
  package static func checkAddress(_ text: String) throws {
    guard (try? Identifier(parsing: text))?.type == .ip else {
      throw CertctlError(
        .usage, "the listen address '\(text)' is not an IP address",
        hint: "use an address of this machine, such as 192.0.2.10 or ::1")
    }
  }
}
