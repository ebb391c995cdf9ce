/// The type of a DNS record; open, as the registry is.
package struct DNSType: RawRepresentable, Hashable, Sendable {
  /// The number of the registry.
  package let rawValue: UInt16

  /// A type by its number.
  package init(rawValue: UInt16) { self.rawValue = rawValue }

  /// An IPv4 address.
  package static let a = DNSType(rawValue: 1)
  /// A name server of a zone.
  package static let ns = DNSType(rawValue: 2)
  /// Another name for the same.
  package static let cname = DNSType(rawValue: 5)
  /// The beginning of a zone.
  package static let soa = DNSType(rawValue: 6)
  /// Text.
  package static let txt = DNSType(rawValue: 16)
  /// An IPv6 address.
  package static let aaaa = DNSType(rawValue: 28)
  /// Which CAs may issue (RFC 8659).
  package static let caa = DNSType(rawValue: 257)
}

/// A record of an answer.
package struct DNSRecord: Sendable, Hashable {
  /// What a record says.
  package enum Content: Sendable, Hashable {
    /// The text of an IPv4 or IPv6 address.
    case address(String)
    /// A name: of a CNAME or NS record.
    case name(String)
    /// The strings of a TXT record, put together.
    case text([UInt8])
    /// A SOA record: the primary server, the serial number, and for how many seconds "there is no
    /// such name" may be remembered (RFC 2308).
    case start(primary: String, serial: UInt32, negativeTTL: UInt32)
    /// A CAA record (RFC 8659, section 4.1).
    case authorization(flags: UInt8, tag: String, value: String)
    /// Something else.
    case other
  }

  /// The owner, lower case, without a final dot.
  package var name: String
  /// The type.
  package var type: DNSType
  /// For how many seconds it may be remembered.
  package var ttl: UInt32
  /// What it says.
  package var content: Content

  /// A record.
  package init(name: String, type: DNSType, ttl: UInt32, content: Content) {
    self.name = name
    self.type = type
    self.ttl = ttl
    self.content = content
  }
}

/// What a server answered.
package struct DNSResponse: Sendable {
  /// The response code (RFC 1035, section 4.1.1): 0 is "no error", 3 "no such name".
  package var code: Int
  /// Whether the server speaks for the zone.
  package var isAuthoritative: Bool
  /// Whether the message was cut off, so that TCP has to be used.
  package var isTruncated: Bool
  /// The answer section.
  package var answers: [DNSRecord]
  /// The authority section.
  package var authority: [DNSRecord]
  /// The additional section.
  package var additional: [DNSRecord]

  /// A response.
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

  /// "no error".
  package static let noError = 0
  /// "there is no such name".
  package static let noSuchName = 3

  /// The word for the response code, as `dig` prints it.
  package var codeText: String { Self.text(ofCode: code) }

  /// The word for a response code (RFC 6895, section 2.3).
  package static func text(ofCode code: Int) -> String {
    let words = [
      "NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN", "YXRRSET",
      "NXRRSET", "NOTAUTH", "NOTZONE",
    ]
    return words.indices.contains(code) ? words[code] : "RCODE \(code)"
  }
}

/// Names of the DNS as text: lower case ASCII, labels with dots between, no dot at the end; the root
/// is the empty text.
package enum DNSName {
  /// A name in this form; nil when it cannot be asked for.
  ///
  /// Names with other characters than letters, digits, `-`, `_`, `*` and `/` exist, but prove nothing
  /// that is on the web (`/` is that of RFC 2317).
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

  /// The name one label up; nil above the root.
  package static func parent(of name: String) -> String? {
    if name.isEmpty { return nil }
    guard let dot = name.firstIndex(of: ".") else { return "" }
    return String(name[name.index(after: dot)...])
  }

  /// Whether a name is a zone's own or below it.
  package static func isIn(_ name: String, _ zone: String) -> Bool {
    zone.isEmpty || name == zone || name.hasSuffix("." + zone)
  }
}
