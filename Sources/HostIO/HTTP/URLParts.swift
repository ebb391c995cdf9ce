internal import CCurl
internal import Glibc

/// The parts of an absolute http or https URL.
package struct URLParts: Sendable, Hashable {
  /// "http" or "https".
  package let scheme: String
  /// The host: a name, or an address without brackets; in lower case.
  package let host: String
  /// The port; the scheme's own where none is written.
  package let port: Int
  /// The path, at least "/".
  package let path: String
  /// What stands behind "?", if anything does.
  package let query: String?

  /// Takes a URL apart.
  ///
  /// - Throws: `HostError` with `.unsupportedURL` for anything but an http or https URL, and for one
  ///   with a user name or password, which would end up in logs.
  package init(_ text: String) throws(HostError) {
    let url = try CurlURL()
    if let wrong = url.set(CURLUPART_URL, text) {
      throw Self.refusal(text, wrong)
    }
    guard let scheme = url.get(CURLUPART_SCHEME)?.lowercased(),
      ["http", "https"].contains(scheme)
    else { throw Self.refusal(text, "it must begin with https:// or http://") }
    guard url.get(CURLUPART_USER) == nil, url.get(CURLUPART_PASSWORD) == nil else {
      throw HostError(
        .unsupportedURL, operation: "use a URL", detail: "it holds a user name or password")
    }
    guard var host = url.get(CURLUPART_HOST)?.lowercased(), !host.isEmpty,
      let port = url.get(CURLUPART_PORT, flags: UInt32(CURLU_DEFAULT_PORT)).flatMap({ Int($0) })
    else { throw Self.refusal(text, "it names no host") }
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    self.scheme = scheme
    self.host = host
    self.port = port
    self.path = url.get(CURLUPART_PATH) ?? "/"
    self.query = url.get(CURLUPART_QUERY)
  }

  /// Whether the host is this very machine, so that http is no risk.
  package var isLoopback: Bool {
    let name = host.hasSuffix(".") ? String(host.dropLast()) : host
    if name == "localhost" || name.hasSuffix(".localhost") { return true }
    if let four = Self.octets(name, AF_INET, 4) { return Self.isThisHost(four) }
    guard let six = Self.octets(name, AF_INET6, 16) else { return false }
    // An IPv4 address in IPv6 clothes, ::ffff:127.0.0.1, ends at the same socket.
    let isMapped = six[..<10].allSatisfy { $0 == 0 } && six[10] == 0xff && six[11] == 0xff
    if isMapped { return Self.isThisHost(Array(six[12...])) }
    return six[..<15].allSatisfy { $0 == 0 } && six[15] <= 1
  }

  /// 127.0.0.0/8, and 0.0.0.0, which connects to this host as well.
  private static func isThisHost(_ four: [UInt8]) -> Bool {
    four[0] == 127 || four.allSatisfy { $0 == 0 }
  }

  private static func octets(_ text: String, _ family: Int32, _ count: Int) -> [UInt8]? {
    var octets = [UInt8](repeating: 0, count: count)
    return unsafe inet_pton(family, text, &octets) == 1 ? octets : nil
  }

  /// The URL that `reference` means on the page `base`.
  package static func resolve(
    _ reference: String, against base: String
  ) throws(HostError) -> String {
    let url = try CurlURL()
    if let wrong = url.set(CURLUPART_URL, base) { throw refusal(base, wrong) }
    if let wrong = url.set(CURLUPART_URL, reference) { throw refusal(reference, wrong) }
    guard let text = url.get(CURLUPART_URL) else { throw refusal(reference, "it is no URL") }
    return text
  }

  private static func refusal(_ text: String, _ detail: String) -> HostError {
    HostError(.unsupportedURL, operation: "use the URL", subject: text, detail: detail)
  }
}
