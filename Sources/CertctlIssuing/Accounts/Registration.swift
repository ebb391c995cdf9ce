package import ACME
import CertctlCore
import CertctlSystem

/// How to register an account with a CA.
package struct Registration: Sendable {
  /// Where the agreement to the CA's terms of service comes from.
  package enum Terms: Sendable {
    /// It was given already.
    case agreed
    /// Nobody can be asked.
    case notAgreed
    /// The user is asked, with the URL of the terms.
    case ask(@Sendable (String) async -> Bool)
  }

  /// The contact e-mail addresses; none is fine with most CAs.
  package var emails: [String]
  /// The agreement to the terms of service.
  package var terms: Terms
  /// The account at the CA's own site to bind to (RFC 8555, section 7.3.4).
  package var externalAccount: ExternalAccount?
  /// The one of the configuration file, read when a CA that needs one is registered with.
  package var configuredAccount: (@Sendable () async throws -> ExternalAccount)?

  /// A registration without contact or agreement.
  package init(
    emails: [String] = [], terms: Terms = .notAgreed, externalAccount: ExternalAccount? = nil
  ) {
    self.emails = emails
    self.terms = terms
    self.externalAccount = externalAccount
  }

  /// The contact URLs (RFC 6068) for the CA.
  ///
  /// - Throws: `CertctlError` with code `usage` for what is no e-mail address.
  package func contacts() throws -> [String] {
    try emails.map { email in
      let parts = email.split(separator: "@", omittingEmptySubsequences: false)
      let isPlain = email.unicodeScalars.allSatisfy {
        $0.isASCII && $0.value > 0x20 && !"\"<>(),;:\\?&%#".unicodeScalars.contains($0)
      }
      guard parts.count == 2, !parts[0].isEmpty, parts[1].contains("."), isPlain,
        (try? Identifier(parsing: String(parts[1])))?.type == .dns
      else {
        throw CertctlError(
          .usage, "'\(email)' is not an e-mail address",
          hint: "give --email like admin@example.com, or leave it out")
      }
      return "mailto:\(email)"
    }
  }
}
