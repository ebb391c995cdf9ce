import ACME
import CertctlCore

/// What may stand in an nginx file: nothing that is not named here gets into one.
///
/// Every rule lists the characters that are allowed. None allows `;`, `{`, `}`, `$`, `#`, quotes,
/// backslashes, blanks, control characters, or anything that is not ASCII.
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

  /// The error for a value that does not fit.
  static func refused(_ what: String, _ text: String, _ hint: String) -> CertctlError {
    let shown = text.unicodeScalars.count > 200 ? text.prefix(200) + "…" : text[...]
    return CertctlError(.usage, "'\(shown)' is no \(what)", hint: hint)
  }

  /// Checks the absolute path of a file or folder.
  ///
  /// - Throws: `CertctlError` with code `usage`.
  static func path(_ text: String, _ what: String) throws {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
    guard text.hasPrefix("/"), text.utf8.count <= 1024, consists(text, with: "/._-+@:,=~"),
      text == "/" || parts.allSatisfy({ !["", ".", ".."].contains($0) })
    else {
      throw refused(
        what, text,
        "give an absolute path of letters, digits and . _ - + @ : , = ~, without '..' and '//'; "
          + "other characters have a meaning in nginx's files")
    }
  }

  /// Checks the path of a location, below which or at which something else answers.
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
        "path for a location", text,
        "it begins with / and has letters, digits and . _ - + @ : , ~ only: /api/ for all below "
          + "it, /health for this one path")
    }
    guard !(text + "/").hasPrefix("/.well-known/acme-challenge/") else {
      throw CertctlError(
        .usage, "the location \(text) is where certctl answers the CA's challenges",
        hint: "choose another path")
    }
  }

  /// Checks the path that an upstream has instead of the location's.
  ///
  /// - Throws: `CertctlError` with code `usage`.
  static func base(_ text: String) throws {
    guard text != "/" else { return }
    guard text.hasSuffix("/") else {
      throw refused("path for an upstream", text, "it ends with a slash, as the location's does")
    }
    try location(text)
  }

  /// The host of an upstream: a name in lower case, or an address in its shortest form.
  ///
  /// Docker's names may hold underscores, which certificates' names may not.
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
        "host for an upstream", text,
        "give a name of letters, digits, hyphens and dots, an IPv4 address, or an IPv6 address in "
          + "brackets")
    }
    return text.lowercased()
  }

  /// The number of a port.
  ///
  /// - Throws: `CertctlError` with code `usage`.
  static func port(_ text: Substring) throws -> Int {
    guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }),
      let number = Int(text), (1...65535).contains(number)
    else { throw refused("port", String(text), "a port is a number from 1 to 65535") }
    return number
  }

  /// Checks a size such as `100m`; 0 is without limit.
  ///
  /// - Throws: `CertctlError` with code `usage`.
  static func size(_ text: String) throws {
    var digits = Substring(text)
    if let unit = digits.last, "kmgKMG".contains(unit) { digits.removeLast() }
    guard (1...6).contains(digits.utf8.count), digits.utf8.allSatisfy({ (48...57).contains($0) })
    else {
      throw refused(
        "size", text,
        "a size is a number of at most six digits and k, m or g: 500m, 2g; 0 is no limit")
    }
  }
}
