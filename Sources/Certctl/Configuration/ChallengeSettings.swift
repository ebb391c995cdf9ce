public import ACME
import CertctlBase

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
  /// Who makes records in the DNS, and how they are checked; also for wildcards of a lineage whose
  /// other names are proved otherwise.
  public var dns: DNSSettings?

  /// Settings for one challenge type.
  public init(
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

  /// The type that proves a name: the lineage's own wherever it can.
  ///
  /// A wildcard needs the DNS (RFC 8555, section 7.1.3), and an address cannot be proved by it
  /// (RFC 8738, section 7).
  func type(for name: Identifier) -> ChallengeType {
    if name.isWildcard, !type.isOfDNS, dns?.provider != nil { return .dns01 }
    if name.type == .ip, type.isOfDNS { return tlsPort == nil ? .http01 : .tlsALPN01 }
    return type
  }

  /// The types that these names need.
  func types(for names: [Identifier]) -> Set<ChallengeType> {
    names.isEmpty ? [type] : Set(names.map(type(for:)))
  }

  /// The same by another type.
  func with(_ type: ChallengeType) -> ChallengeSettings {
    var settings = self
    settings.type = type
    return settings
  }

  /// Checks that each name can be proved (RFC 8555, section 8; RFC 8738, section 7).
  ///
  /// - Parameters:
  ///   - names: The names.
  ///   - isGiven: Whether the type was given for all of them, so that none is proved otherwise.
  /// - Throws: `CertctlError` with code `usage`, naming the first name that cannot.
  func check(_ names: [Identifier], isGiven: Bool) throws {
    for name in names {
      let type = isGiven ? type : self.type(for: name)
      if name.isWildcard && !type.isOfDNS {
        throw CertctlError(
          .usage, "the wildcard \(name.value) cannot be proved by \(type.rawValue)",
          hint: "wildcards need a record in the DNS: add --dns PROVIDER"
            + (isGiven ? ", and leave out --challenge" : "")
            + " (certctl dns-providers lists them)")
      }
      if name.type == .ip && type.isOfDNS {
        throw CertctlError(
          .usage, "the IP address \(name.value) cannot be proved by \(type.rawValue)",
          hint: "leave out --challenge, or use http-01 or tls-alpn-01 (RFC 8738)")
      }
    }
    if types(for: names).contains(where: \.makesRecords), dns?.provider == nil {
      throw CertctlError(
        .usage, "\(type.rawValue) needs to know who makes the records",
        hint: "add --dns PROVIDER; certctl dns-providers lists them")
    }
    try dns?.validate()
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

extension ChallengeType {
  /// Whether it proves names by records in the DNS.
  var isOfDNS: Bool { makesRecords || self == .dnsPersist01 }
  /// Whether a record is made for each order.
  var makesRecords: Bool { self == .dns01 || self == .dnsAccount01 }
}
