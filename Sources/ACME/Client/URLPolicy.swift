internal import CertctlBase

/// Which URLs a CA may send us to.
///
/// Only https; http only to loopback, and only when the directory itself is there. A public CA
/// cannot send us to loopback. Other hosts than the directory's are allowed: RFC 8555 does not tie
/// resources to one host, each JWS is bound to its URL, and no request carries a secret.
package struct URLPolicy: Sendable {
  private let allowsLoopback: Bool

  /// Judges the directory URL, which the user chose.
  package init(directory url: String) throws(ACMEError) {
    let parts = try Self.parts(url, "use the directory URL")
    guard parts.scheme == "https" || parts.isLoopback else {
      throw ACMEError(
        .insecureURL, "use the directory URL", subject: url,
        detail: "it is http, and \(parts.host) is not this machine",
        hint: "Give an https:// URL.")
    }
    allowsLoopback = parts.isLoopback
  }

  /// Judges a URL that the CA sent.
  ///
  /// - Throws: ``ACMEError`` with the code ``ACMEError/Code/untrustedAnswer``: it is the CA's mistake,
  ///   and not the user's.
  func check(_ url: String, for operation: String) throws(ACMEError) {
    do throws(ACMEError) {
      let parts = try Self.parts(url, operation)
      guard !parts.isLoopback || allowsLoopback else {
        throw Self.refusal(url, operation, "the CA points to this machine")
      }
      guard parts.scheme == "https" || parts.isLoopback else {
        throw Self.refusal(url, operation, "the CA points to a URL without encryption")
      }
    } catch {
      var refused = error
      refused.code = .untrustedAnswer
      throw refused
    }
  }

  /// A URL that may be relative to another one.
  static func resolve(_ reference: String, against base: String) -> String? {
    guard isPlain(reference) else { return nil }
    return try? URLParts.resolve(reference, against: base)
  }

  private static func parts(_ url: String, _ operation: String) throws(ACMEError) -> URLParts {
    guard isPlain(url) else { throw refusal(url, operation, "it is not a URL") }
    do throws(HostError) {
      return try URLParts(url)
    } catch {
      // Without a subject it holds a password, which must not be repeated here.
      let shown = error.subject ?? "(a URL with a password)"
      throw refusal(shown, operation, error.detail ?? "it is not an https URL")
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
