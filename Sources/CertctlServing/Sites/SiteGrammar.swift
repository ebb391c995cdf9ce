import ACME
import CertctlCore

/// The grammar of the values that are written into nginx files.
///
/// Each rule lists the allowed characters. No rule allows `;`, `{`, `}`, `$`, `#`, quotes,
/// backslashes, blanks, control characters or non-ASCII characters.
enum SiteGrammar {
  private static func isPlain(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"):
      true
    default: false
    }
  }

  private static func consists(_ text: String, with others: String) -> Bool {
    text.utf8.allSatisfy { byte in isPlain(byte) || others.utf8.contains(byte) }
  }

  /// Returns the error for an invalid value.
  static func refused(_ what: String, _ text: String, _ hint: String) -> CertctlError {
    let shown = text.unicodeScalars.count > 200 ? text.prefix(200) + "…" : text[...]
    return CertctlError(.usage, "'\(shown)' is not a valid \(what)", hint: hint)
  }

  /// Checks the absolute path of a file or directory.
  ///
  /// - Throws: `CertctlError` with code `usage`.
  static func path(_ text: String, _ what: String) throws {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
    guard text.hasPrefix("/"), text.utf8.count <= 1024, consists(text, with: "/._-+@:,=~"),
      text == "/" || parts.allSatisfy({ !["", ".", ".."].contains($0) })
    else {
      throw refused(
        what, text,
        "use an absolute path of letters, digits and . _ - + @ : , = ~, without '..' and '//'")
    }
  }

  /// Checks the path of a location.
  ///
  /// - Throws: `CertctlError` with code `usage`.
  static func location(_ text: String) throws {
    var inner = text.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
    if inner.last == "" { inner.removeLast() }
    guard text.hasPrefix("/"), text.utf8.count > 1, text.utf8.count <= 255,
      consists(text, with: "/._-+@:,~"),
      inner.allSatisfy({ !["", ".", ".."].contains($0) })
    else {
      throw refused(
        "location path", text,
        "use /, letters, digits and . _ - + @ : , ~, such as /api/ (everything below) or /health "
          + "(this path)")
    }
    guard !(text + "/").hasPrefix("/.well-known/acme-challenge/") else {
      throw CertctlError(
        .usage, "cannot use the location \(text): certctl serves ACME challenges there",
        hint: "choose another path")
    }
  }

  /// Checks the path of an upstream, which replaces the location's path.
  ///
  /// - Throws: `CertctlError` with code `usage`.
  static func base(_ text: String) throws {
    guard text != "/" else { return }
    guard text.hasSuffix("/") else {
      throw refused("upstream path", text, "end it with a slash, such as /base/")
    }
    try location(text)
  }

  /// Checks the host of an upstream and returns it: a name in lower case, or a canonical address.
  ///
  /// Docker allows underscores in names, unlike certificates.
  ///
  /// - Throws: `CertctlError` with code `usage`.
  static func host(_ text: String) throws -> String {
    if consists(text, with: ".:"), let name = try? Identifier(parsing: text), name.type == .ip {
      return name.value
    }
    let labels = text.split(separator: ".", omittingEmptySubsequences: false)
    let isNumber = labels.last.map { $0.utf8.allSatisfy { (48...57).contains($0) } } ?? true
    guard !text.isEmpty, text.utf8.count <= 253, consists(text, with: "._-"), !isNumber,
      labels.allSatisfy({
        !$0.isEmpty && $0.utf8.count <= 63 && !$0.hasPrefix("-") && !$0.hasSuffix("-")
      })
    else {
      throw refused(
        "upstream host", text,
        "use a name of letters, digits, hyphens and dots, an IPv4 address, or an IPv6 address in "
          + "brackets")
    }
    return text.lowercased()
  }

  /// Parses a port.
  ///
  /// - Throws: `CertctlError` with code `usage`.
  static func port(_ text: Substring) throws -> Int {
    guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }),
      let number = Int(text), (1...65535).contains(number)
    else { throw refused("port", String(text), "use a number from 1 to 65535") }
    return number
  }

  /// Checks a size such as `100m`; 0 means no limit.
  ///
  /// - Throws: `CertctlError` with code `usage`.
  static func size(_ text: String) throws {
    var digits = Substring(text)
    if let unit = digits.last, "kmgKMG".contains(unit) { digits.removeLast() }
    guard (1...6).contains(digits.utf8.count), digits.utf8.allSatisfy({ (48...57).contains($0) })
    else {
      throw refused(
        "size", text,
        "use at most six digits and k, m or g, such as 500m or 2g; 0 means no limit")
    }
  }
}
