package import ACME

/// How a lineage proves its names.
package struct ChallengeSettings: Codable, Sendable, Hashable {
  /// The challenge type.
  package var type: ChallengeType
  /// The port that the stand-alone http-01 responder listens on, 80 by default.
  package var httpPort: Int?
  /// The address that stand-alone responders bind, all of both families by default.
  package var httpAddress: String?
  /// The folder that a web server shows as the root of the sites, for http-01 without a listener.
  package var webroot: String?
  /// The port that the tls-alpn-01 responder listens on, 443 by default.
  package var tlsPort: Int?
  /// Who makes records in the DNS, and how they are checked; also for wildcards of a lineage whose
  /// other names are proved otherwise.
  package var dns: DNSSettings?

  /// Settings for one challenge type.
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

  /// The same by another type.
  package func with(_ type: ChallengeType) -> ChallengeSettings {
    var settings = self
    settings.type = type
    return settings
  }

  /// Checks the address that listeners are to bind.
  package static func checkAddress(_ text: String) throws {
    guard (try? Identifier(parsing: text))?.type == .ip else {
      throw CertctlError(
        .usage, "'\(text)' is no IP address to listen on",
        hint: "give an address of this machine, such as 192.0.2.10 or ::1")
    }
  }
}
