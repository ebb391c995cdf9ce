/// The type of a DNS record, open like the IANA registry.
package struct DNSType: RawRepresentable, Hashable, Sendable {
  /// The number in the registry.
  package let rawValue: UInt16

  /// Creates a type from its number.
  package init(rawValue: UInt16) { self.rawValue = rawValue }

  /// An IPv4 address.
  package static let a = DNSType(rawValue: 1)
  /// A name server of a zone.
  package static let ns = DNSType(rawValue: 2)
  /// The canonical name of an alias.
  package static let cname = DNSType(rawValue: 5)
  /// The start of authority of a zone.
  package static let soa = DNSType(rawValue: 6)
  /// A text.
  package static let txt = DNSType(rawValue: 16)
  /// An IPv6 address.
  package static let aaaa = DNSType(rawValue: 28)
  /// A certification authority authorization (RFC 8659).
  package static let caa = DNSType(rawValue: 257)
}

/// A record of a response.
package struct DNSRecord: Sendable, Hashable {
  /// The data of a record.
  package enum Content: Sendable, Hashable {
    /// The IPv4 or IPv6 address, as text.
    case address(String)
    /// The name in a CNAME or NS record.
    case name(String)
    /// The concatenated strings of a TXT record.
    case text([UInt8])
    /// A SOA record, with the TTL of negative answers in seconds (RFC 2308).
    case start(primary: String, serial: UInt32, negativeTTL: UInt32)
    /// A CAA record (RFC 8659, section 4.1).
    case authorization(flags: UInt8, tag: String, value: String)
    /// Any other record.
    case other
  }

  /// The owner name in lower case, without a final dot.
  package var name: String
  /// The type.
  package var type: DNSType
  /// The TTL in seconds.
  package var ttl: UInt32
  /// The data.
  package var content: Content

  /// Creates a record.
  package init(name: String, type: DNSType, ttl: UInt32, content: Content) {
    self.name = name
    self.type = type
    self.ttl = ttl
    self.content = content
  }
}

/// The response of a server.
package struct DNSResponse: Sendable {
  /// The response code (RFC 1035, section 4.1.1), such as 0 (NOERROR) and 3 (NXDOMAIN).
  package var code: Int
  /// Whether the server is authoritative for the zone.
  package var isAuthoritative: Bool
  /// Whether the message is truncated, so that TCP is required.
  package var isTruncated: Bool
  /// The answer section.
  package var answers: [DNSRecord]
  /// The authority section.
  package var authority: [DNSRecord]
  /// The additional section.
  package var additional: [DNSRecord]

  /// Creates a response.
  package init(
    code: Int = 0, isAuthoritative: Bool = true, isTruncated: Bool = false,
    answers: [DNSRecord] = [], authority: [DNSRecord] = [], additional: [DNSRecord] = []
  ) {
    self.code = code
    self.isAuthoritative = isAuthoritative
    self.isTruncated = isTruncated
    self.answers = answers
    self.authority = authority
    self.additional = additional
  }

  /// The response code NOERROR.
  package static let noError = 0
  /// The response code NXDOMAIN.
  package static let noSuchName = 3

  /// The name of the response code, as `dig` prints it.
  package var codeText: String { Self.text(ofCode: code) }

  /// Returns the name of a response code (RFC 6895, section 2.3).
  package static func text(ofCode code: Int) -> String {
    let words = [
      "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET",
      "NXRRSET", "NOTAUTH", "NOTZONE",
    ]
    return words.indices.contains(code) ? words[code] : "RCODE \(code)"
  }
}

/// DNS names as text: lower-case ASCII labels separated by dots, without a final dot.
///
/// The root is the empty string.
package enum DNSName {
  /// Returns a name in this form; nil if it is not supported.
  ///
  /// Only letters, digits, `-`, `_`, `*` and `/` (RFC 2317) are supported. Names with other
  /// characters exist, but not in certificates for web servers.
  package static func normalized(_ text: String) -> String? {
    let name = (text.hasSuffix(".") ? String(text.dropLast()) : text).lowercased()
    if name.isEmpty { return "" }
    guard name.utf8.count <= 253 else { return nil }
    for label in name.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
      guard (1...63).contains(label.count), label.allSatisfy(isPlain) else { return nil }
    }
    return name
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "*"), UInt8(ascii: "/"):
      true
    default: false
    }
  }

  /// Returns the parent name; nil for the root.
  package static func parent(of name: String) -> String? {
    if name.isEmpty { return nil }
    guard let dot = name.firstIndex(of: ".") else { return "" }
    return String(name[name.index(after: dot)...])
  }

  /// Returns whether a name is the zone apex or below it.
  package static func isIn(_ name: String, _ zone: String) -> Bool {
    zone.isEmpty || name == zone || name.hasSuffix("." + zone)
  }
}
