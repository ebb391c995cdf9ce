package import ACME
import CertctlCore
import CertctlSystem

/// The data for registering an account with a CA.
package struct Registration: Sendable {
  /// How the user agrees to the CA's terms of service.
  package enum Terms: Sendable {
    /// The user has already agreed.
    case agreed
    /// The user has not agreed and cannot be asked.
    case notAgreed
    /// The user is asked to agree, given the URL of the terms.
    case ask(@Sendable (String) async -> Bool)
  }

  /// The contact e-mail addresses; most CAs require none.
  package var emails: [String]
  /// The agreement to the terms of service.
  package var terms: Terms
  /// The external account to bind to (RFC 8555, section 7.3.4).
  package var externalAccount: ExternalAccount?
  /// Reads the external account of the configuration file, if the CA requires one.
  package var configuredAccount: (@Sendable () async throws -> ExternalAccount)?

  /// Creates a registration, by default without contact or agreement.
  package init(
    emails: [String] = [], terms: Terms = .notAgreed, externalAccount: ExternalAccount? = nil
  ) {
    self.emails = emails
    self.terms = terms
    self.externalAccount = externalAccount
  }

  /// Returns the contact URLs (RFC 6068) for the CA.
  ///
  /// - Throws: `CertctlError` with code `usage` for an invalid e-mail address.
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
          hint: "use --email with an address such as admin@example.com, or leave it out")
      }
      return "mailto:\(email)"
    }
  }
}
