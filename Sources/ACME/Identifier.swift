internal import CertctlBase

/// A name that a certificate can be issued for: a domain, a wildcard or an IP address.
public struct Identifier: Hashable, Sendable, Codable, CustomStringConvertible {
  /// The type of the name.
  public var type: IdentifierType
  /// The name: lower case ASCII for a domain, RFC 5952 text for an address.
  public var value: String

  /// Creates an identifier without checks, for names from a CA.
  public init(type: IdentifierType, value: String) {
    self.type = type
    self.value = value
  }

  /// Creates a DNS identifier without checks.
  public static func dns(_ value: String) -> Self { Self(type: .dns, value: value) }

  /// Creates an IP identifier without checks.
  public static func ip(_ value: String) -> Self { Self(type: .ip, value: value) }

  /// Parses a name from a person.
  ///
  /// A domain may be in Unicode and in any case, may begin with `*.` and may end with a dot. An
  /// address may be in brackets. The result has the form for requests to a CA.
  ///
  /// - Throws: ``ACMEError`` with the code ``ACMEError/Code/badName`` and a hint.
  public init(parsing text: String) throws(ACMEError) {
    let trimmed = text.trimmed
    try NameCheck.refuseForeign(trimmed, given: text)
    if let address = try NameCheck.address(trimmed) {
      self.init(type: .ip, value: address)
    } else {
      self.init(type: .dns, value: try NameCheck.domain(trimmed))
    }
  }

  /// Whether the name is a wildcard, such as `*.example.com`.
  public var isWildcard: Bool { type == .dns && value.hasPrefix("*.") }

  /// The domain without `*.`, which the CA validates.
  public var baseDomain: String { isWildcard ? String(value.dropFirst(2)) : value }

  /// The name itself.
  public var description: String { value }
}

/// The rules for names from people.
private enum NameCheck {
  static func bad(_ text: String, _ detail: String, _ hint: String? = nil) -> ACMEError {
    ACMEError(
      .badName, "use the name", subject: "\"" + text.shortened(to: 300) + "\"", detail: detail,
      hint: hint)
  }

  /// Refuses URLs, e-mail addresses and other texts that people paste instead of a name.
  static func refuseForeign(_ text: String, given: String) throws(ACMEError) {
    guard !text.isEmpty else { throw bad(given, "it is empty") }
    if let scheme = text.firstRange(of: "://") {
      let host = text[scheme.upperBound...].prefix { $0 != "/" && $0 != ":" && $0 != "?" }
      throw bad(text, "it is a URL", "use only the host: \(host)")
    }
    if text.contains("@") {
      let domain = text.split(separator: "@").last.map(String.init) ?? ""
      throw bad(
        text, "it is an e-mail address",
        "use a host name" + (domain.isEmpty ? "" : ", such as \(domain)"))
    }
    if text.contains(where: { $0.isWhitespace || $0 == "," || $0 == ";" }) {
      throw bad(
        text, "it contains a space, comma or semicolon", "pass several names as separate arguments")
    }
    if text.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f }) {
      throw bad(text, "it contains a control character")
    }
    if text.contains("/") {
      throw bad(
        text, "it contains a slash", "use a single host name or address, without path or network")
    }
  }

  /// Returns the canonical text of an address; `nil` if the text is not an address.
  static func address(_ text: String) throws(ACMEError) -> String? {
    var inner = text
    if text.hasPrefix("["), text.hasSuffix("]") { inner = String(text.dropFirst().dropLast()) }
    if let address = IPAddress(inner) { return "\(address)" }
    if text.hasPrefix("*."), IPAddress(String(text.dropFirst(2))) != nil {
      throw bad(text, "an address cannot have a wildcard")
    }
    if inner.contains(":") { throw refuseColon(text) }
    let last = text.split(separator: ".").last ?? ""
    if !last.isEmpty, last.utf8.allSatisfy({ (48...57).contains($0) }) {
      throw bad(
        text, "it is neither a domain nor an IPv4 address",
        "write an IPv4 address as four numbers from 0 to 255 without leading zeros")
    }
    return nil
  }

  private static func refuseColon(_ text: String) -> ACMEError {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    if parts.count == 2, parts[1].allSatisfy(\.isNumber), !parts[0].isEmpty {
      return bad(
        text, "it contains a port", "use \(parts[0]): a certificate is valid for all ports")
    }
    if text.contains("%") { return bad(text, "an IPv6 address with a zone ID is not public") }
    return bad(text, "it is not an IPv6 address")
  }

  static func domain(_ text: String) throws(ACMEError) -> String {
    var name = text
    if name.hasSuffix(".") { name.removeLast() }
    let isWildcard = name.hasPrefix("*.")
    var base = isWildcard ? String(name.dropFirst(2)) : name
    if base.contains("*") || base.isEmpty {
      throw bad(
        text, base.isEmpty ? "it contains no name" : "* is allowed only as the whole first label",
        "write a wildcard as *.example.com; it stands for one label")
    }
    if !base.utf8.allSatisfy({ $0 < 0x80 }) {
      base = try ascii(base, given: text)
      // An address in wide digits, "１.２.３.４", is not a domain.
      guard IPAddress(base) == nil else {
        throw bad(text, "it is an IP address with non-ASCII digits", "write it as \(base)")
      }
    }
    base = base.lowercased()
    for label in base.split(separator: ".", omittingEmptySubsequences: false) {
      try check(label, given: text)
    }
    let name253 = isWildcard ? "*." + base : base
    guard name253.utf8.count <= 253 else {
      throw bad(text, "it is longer than 253 bytes (\(name253.utf8.count))")
    }
    return name253
  }

  private static func ascii(_ name: String, given: String) throws(ACMEError) -> String {
    do throws(HostError) {
      return try InternationalName.toASCII(name)
    } catch {
      var refused = bad(given, "it is not a valid international domain name")
      refused.underlying = error
      refused.hint = error.hint
      throw refused
    }
  }

  private static func check(_ label: Substring, given: String) throws(ACMEError) {
    guard !label.isEmpty else {
      throw bad(given, "it has an empty label", "remove the leading or doubled dot")
    }
    guard label.utf8.count <= 63 else {
      throw bad(given, "the label \"\(label)\" is longer than 63 bytes (\(label.utf8.count))")
    }
    guard !label.contains("_") else {
      throw bad(given, "it contains an underscore, which CAs do not allow")
    }
    let plain = label.utf8.allSatisfy {
      (48...57).contains($0) || (97...122).contains($0) || $0 == UInt8(ascii: "-")
    }
    guard plain else {
      throw bad(
        given, "the label \"\(label)\" has characters other than letters, digits and hyphens")
    }
    guard !label.hasPrefix("-"), !label.hasSuffix("-") else {
      throw bad(given, "the label \"\(label)\" begins or ends with a hyphen")
    }
  }
}
