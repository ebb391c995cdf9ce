public import ACME
import HostIO

/// How a lineage proves its names.
public struct ChallengeSettings: Codable, Sendable, Hashable {
  /// The challenge type.
  public var type: ChallengeType
  /// The port that the stand-alone http-01 responder listens on, 80 by default.
  public var httpPort: Int?
  /// The address that stand-alone responders bind, all of both families by default.
  public var httpAddress: String?
  /// The folder that a web server shows as the root of the sites, for http-01 without a listener.
  public var webroot: String?
  /// The port that the tls-alpn-01 responder listens on, 443 by default.
  public var tlsPort: Int?

  /// Settings for one challenge type.
  public init(
    type: ChallengeType, httpPort: Int? = nil, httpAddress: String? = nil, webroot: String? = nil,
    tlsPort: Int? = nil
  ) {
    self.type = type
    self.httpPort = httpPort
    self.httpAddress = httpAddress
    self.webroot = webroot
    self.tlsPort = tlsPort
  }

  /// Checks that each name can be proved this way (RFC 8555, section 8; RFC 8738, section 7).
  ///
  /// - Throws: `CertctlError` with code `usage`, naming the first name that cannot.
  func check(_ names: [Identifier]) throws {
    for name in names {
      if name.isWildcard && (type == .http01 || type == .tlsALPN01) {
        throw CertctlError(
          .usage, "the wildcard \(name.value) cannot be proved by \(type.rawValue)",
          hint: Catalog.solverTypes.contains("dns-01")
            ? "wildcards need a DNS challenge: --challenge dns-01"
            : "wildcards need a DNS challenge, which this version of certctl does not have: "
              + "name the hosts one by one")
      }
      if name.type == .ip && type != .http01 && type != .tlsALPN01 {
        throw CertctlError(
          .usage, "the IP address \(name.value) cannot be proved by \(type.rawValue)",
          hint: "use --challenge http-01 or --challenge tls-alpn-01 (RFC 8738)")
      }
    }
    if let httpAddress { try Self.checkAddress(httpAddress) }
  }

  /// Checks the address that listeners are to bind.
  static func checkAddress(_ text: String) throws {
    guard (try? Identifier(parsing: text))?.type == .ip else {
      throw CertctlError(
        .usage, "'\(escapedForTerminal(text))' is no IP address to listen on",
        hint: "give an address of this machine, such as 192.0.2.10 or ::1")
    }
  }
}
