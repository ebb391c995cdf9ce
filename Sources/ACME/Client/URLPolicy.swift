internal import CertctlBase

/// The rule for URLs from a CA.
///
/// It allows https, and http only to loopback if the directory is on loopback too. Otherwise no URL
/// may point to loopback. Hosts other than the directory's are allowed: RFC 8555 does not tie
/// resources to one host, each JWS is bound to its URL, and no request carries a secret.
package struct URLPolicy: Sendable {
  private let allowsLoopback: Bool

  /// Creates the rule for a directory URL, which the user chose.
  ///
  /// - Throws: ``ACMEError`` with the code ``ACMEError/Code/insecureURL``.
  package init(directory url: String) throws(ACMEError) {
    let parts = try Self.parts(url, "use the directory URL")
    guard parts.scheme == "https" || parts.isLoopback else {
      throw ACMEError(
        .insecureURL, "use the directory URL", subject: url,
        detail: "http is allowed only to this host, not to \(parts.host)",
        hint: "use an https:// URL")
    }
    allowsLoopback = parts.isLoopback
  }

  /// Checks a URL from the CA.
  ///
  /// - Throws: ``ACMEError`` with the code ``ACMEError/Code/untrustedAnswer``, because the mistake
  ///   is the CA's.
  func check(_ url: String, for operation: String) throws(ACMEError) {
    do throws(ACMEError) {
      let parts = try Self.parts(url, operation)
      guard !parts.isLoopback || allowsLoopback else {
        throw Self.refusal(url, operation, "this URL from the CA points to this machine")
      }
      guard parts.scheme == "https" || parts.isLoopback else {
        throw Self.refusal(url, operation, "this URL from the CA is not https")
      }
    } catch {
      var refused = error
      refused.code = .untrustedAnswer
      throw refused
    }
  }

  /// Resolves a URL that may be relative to another one; returns `nil` if it is not valid.
  static func resolve(_ reference: String, against base: String) -> String? {
    guard isPlain(reference) else { return nil }
    return try? URLParts.resolve(reference, against: base)
  }

  private static func parts(_ url: String, _ operation: String) throws(ACMEError) -> URLParts {
    guard isPlain(url) else { throw refusal(url, operation, "not a URL") }
    do throws(HostError) {
      return try URLParts(url)
    } catch {
      // An error without a subject is about a URL with a password, which must not appear here.
      let shown = error.subject ?? "(a URL with a password)"
      throw refusal(shown, operation, error.detail ?? "not an https URL")
    }
  }

  private static func isPlain(_ url: String) -> Bool {
    (1...2048).contains(url.utf8.count) && url.utf8.allSatisfy { (0x21...0x7e).contains($0) }
  }

  private static func refusal(_ url: String, _ operation: String, _ why: String) -> ACMEError {
    ACMEError(
      .insecureURL, operation,
      subject: url.isEmpty ? "(no URL)" : url.shortened(to: 200), detail: why)
  }
}
