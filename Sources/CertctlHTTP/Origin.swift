internal import CCurl
package import CertctlBase

/// Where a request goes, in the words of the parser that will connect to it; one connection each.
///
/// What somebody judges before the request (`URLParts`) knows fewer URLs than curl, and says the same as
/// curl of those that it knows; a test compares them.
package struct Origin: Sendable, Hashable {
  /// "http" or "https".
  package let scheme: String
  /// The host: a name, or an address without brackets; in lower case.
  package let host: String
  /// The port; the scheme's own where none is written.
  package let port: Int

  /// Reads the beginning of a URL.
  ///
  /// - Throws: `HostError` with `.unsupportedURL` for anything but an http or https URL, and for one
  ///   with a user name or password, which would end up in logs.
  package init(_ text: String) throws(HostError) {
    let url = try CurlURL()
    if let wrong = url.set(CURLUPART_URL, text) { throw Self.refusal(text, wrong) }
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
  }

  private static func refusal(_ text: String, _ detail: String) -> HostError {
    HostError(.unsupportedURL, operation: "use the URL", subject: text, detail: detail)
  }
}
