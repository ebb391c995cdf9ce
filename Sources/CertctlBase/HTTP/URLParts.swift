internal import FoundationEssentials

/// Where an absolute http or https URL leads.
///
/// Only what RFC 3986 allows is a URL here, with a host of letters, digits, `-`, `.` and `_`, or an
/// address: of such URLs every parser says the same, the one of the HTTP client included.
package struct URLParts: Sendable, Hashable {
  /// "http" or "https".
  package let scheme: String
  /// The host: a name in lower case, or an address in its usual text, without brackets.
  package let host: String
  /// The port; the scheme's own where none is written.
  package let port: Int

  /// Takes a URL apart.
  ///
  /// - Throws: `HostError` with `.unsupportedURL` for anything but an http or https URL, and for one
  ///   with a user name or password, which would end up in logs.
  package init(_ text: String) throws(HostError) {
    guard let parts = URLComponents(string: text, encodingInvalidCharacters: false) else {
      // What cannot be read may hold a password all the same.
      throw Self.refusal(text.contains("@") ? nil : text, "it is no URL")
    }
    guard parts.percentEncodedUser == nil, parts.percentEncodedPassword == nil else {
      throw Self.refusal(nil, "it holds a user name or password")
    }
    guard let scheme = parts.scheme?.lowercased(), ["http", "https"].contains(scheme) else {
      throw Self.refusal(text, "it must begin with https:// or http://")
    }
    guard let host = parts.encodedHost, !host.isEmpty else {
      throw Self.refusal(text, "it names no host")
    }
    let port = parts.port ?? (scheme == "https" ? 443 : 80)
    guard (0...65_535).contains(port) else { throw Self.refusal(text, "there is no port \(port)") }
    guard let plain = Self.plain(host) else {
      throw Self.refusal(text, "its host is neither a name in ASCII nor an address")
    }
    self.scheme = scheme
    self.host = plain
    self.port = port
  }

  /// Whether the host is this very machine, so that http is no risk.
  package var isLoopback: Bool {
    if let address = IPAddress(host) { return address.isThisHost }
    let name = host.hasSuffix(".") ? String(host.dropLast()) : host
    return name == "localhost" || name.hasSuffix(".localhost")
  }

  /// The URL that `reference` means on the page `base`.
  ///
  /// - Throws: `HostError` with `.unsupportedURL`.
  package static func resolve(
    _ reference: String, against base: String
  ) throws(HostError) -> String {
    guard let base = URL(string: base, encodingInvalidCharacters: false),
      let url = URL(string: reference, relativeTo: base)
    else { throw refusal(reference, "it is no URL") }
    return url.absoluteString
  }

  /// The host as it is compared; nil for one that is not plain.
  private static func plain(_ host: String) -> String? {
    if host.hasPrefix("["), host.hasSuffix("]") {
      return IPAddress(String(host.dropFirst().dropLast())).flatMap { $0.isV6 ? "\($0)" : nil }
    }
    guard host.utf8.allSatisfy(isHostByte) else { return nil }
    // "127.1" leads to 127.0.0.1, and "127.1." does so for the C library.
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
