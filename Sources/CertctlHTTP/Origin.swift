internal import CCurl
package import CertctlBase

/// The server of a URL, as curl's parser reads it; each origin has one connection.
///
/// Code that checks URLs before a request uses `URLParts`, which accepts fewer URLs than curl and
/// agrees with curl on those; a test compares the two.
package struct Origin: Sendable, Hashable {
  /// "http" or "https".
  package let scheme: String
  /// The host in lower case: a name, or an address without brackets.
  package let host: String
  /// The port; the scheme's default if the URL has none.
  package let port: Int

  /// Parses the scheme, host and port of a URL.
  ///
  /// - Throws: `HostError` with `.unsupportedURL` for anything but an http or https URL, and for a
  ///   URL with a user name or password, which would end up in logs.
  package init(_ text: String) throws(HostError) {
    let url = try CurlURL()
    if let wrong = url.set(CURLUPART_URL, text) { throw Self.refusal(text, wrong) }
    guard let scheme = url.get(CURLUPART_SCHEME)?.lowercased(),
      ["http", "https"].contains(scheme)
    else { throw Self.refusal(text, "it must begin with https:// or http://") }
    guard url.get(CURLUPART_USER) == nil, url.get(CURLUPART_PASSWORD) == nil else {
      throw HostError(
        .unsupportedURL, operation: "use a URL", detail: "it contains a user name or password")
    }
    guard var host = url.get(CURLUPART_HOST)?.lowercased(), !host.isEmpty,
      let port = url.get(CURLUPART_PORT, flags: UInt32(CURLU_DEFAULT_PORT)).flatMap({ Int($0) })
    else { throw Self.refusal(text, "it has no host") }
    if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
    self.scheme = scheme
    self.host = host
    self.port = port
  }

  private static func refusal(_ text: String, _ detail: String) -> HostError {
    HostError(.unsupportedURL, operation: "use the URL", subject: text, detail: detail)
  }
}
