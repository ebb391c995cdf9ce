internal import FoundationEssentials

/// The destination of an absolute http or https URL.
///
/// Only URLs that conform to RFC 3986 are accepted, with a host of letters, digits, `-`, `.` and
/// `_`, or an IP address. All parsers agree on such URLs, including the HTTP client's.
package struct URLParts: Sendable, Hashable {
  /// "http" or "https".
  package let scheme: String
  /// The host in lower case: a name, or an address in canonical form without brackets.
  package let host: String
  /// The port; the scheme's default if the URL has none.
  package let port: Int

  /// Parses a URL.
  ///
  /// - Throws: `HostError` with `.unsupportedURL` for anything but an http or https URL, and for a
  ///   URL with a user name or password, which would end up in logs.
  package init(_ text: String) throws(HostError) {
    guard let parts = URLComponents(string: text, encodingInvalidCharacters: false) else {
      // An invalid URL may still contain a password.
      throw Self.refusal(text.contains("@") ? nil : text, "not a valid URL")
    }
    guard parts.percentEncodedUser == nil, parts.percentEncodedPassword == nil else {
      throw Self.refusal(nil, "it contains a user name or password")
    }
    guard let scheme = parts.scheme?.lowercased(), ["http", "https"].contains(scheme) else {
      throw Self.refusal(text, "it must begin with https:// or http://")
    }
    guard let host = parts.encodedHost, !host.isEmpty else {
      throw Self.refusal(text, "it has no host")
    }
    let port = parts.port ?? (scheme == "https" ? 443 : 80)
    guard (0...65_535).contains(port) else {
      throw Self.refusal(text, "port \(port) is out of range")
    }
    guard let plain = Self.plain(host) else {
      throw Self.refusal(text, "the host is neither an ASCII name nor an IP address")
    }
    self.scheme = scheme
    self.host = plain
    self.port = port
  }

  /// Whether the host is this machine, so that http is safe.
  package var isLoopback: Bool {
    if let address = IPAddress(host) { return address.isThisHost }
    let name = host.hasSuffix(".") ? String(host.dropLast()) : host
    return name == "localhost" || name.hasSuffix(".localhost")
  }

  /// Resolves a reference against the URL `base`.
  ///
  /// - Throws: `HostError` with `.unsupportedURL`.
  package static func resolve(
    _ reference: String, against base: String
  ) throws(HostError) -> String {
    guard let base = URL(string: base, encodingInvalidCharacters: false),
      let url = URL(string: reference, relativeTo: base)
    else { throw refusal(reference, "not a valid URL") }
    return url.absoluteString
  }

  /// Returns the host in canonical form; nil for an unsupported host.
  private static func plain(_ host: String) -> String? {
    if host.hasPrefix("["), host.hasSuffix("]") {
      return IPAddress(String(host.dropFirst().dropLast())).flatMap { $0.isV6 ? "\($0)" : nil }
    }
    guard host.utf8.allSatisfy(isHostByte) else { return nil }
    // "127.1" means 127.0.0.1, and so does "127.1." for the C library.
    let name = host.hasSuffix(".") ? String(host.dropLast()) : host
    if let address = IPAddress(shortForm: name) { return "\(address)" }
    return host.lowercased()
  }

  private static func isHostByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
      UInt8(ascii: "_"):
      true
    default: false
    }
  }

  private static func refusal(_ text: String?, _ detail: String) -> HostError {
    HostError(
      .unsupportedURL, operation: text == nil ? "use a URL" : "use the URL", subject: text,
      detail: detail)
  }
}
