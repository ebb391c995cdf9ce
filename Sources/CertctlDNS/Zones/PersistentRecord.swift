import CertctlStore
package import FoundationEssentials

/// The standing TXT record of dns-persist-01 (draft-ietf-acme-dns-persist): it names a CA and an
/// account that may get certificates for the domain, without a new record for each order.
///
/// Its form is that of CAA's issue values (RFC 8659, section 4.2): the CA's name, then parameters.
package struct PersistentRecord: Sendable, Equatable {
  /// The CA's own name.
  var issuer: String
  /// The URL of the account.
  var account: String
  /// Whether it is for the names below, too.
  var coversWildcard: Bool
  /// Until when it holds.
  var until: Date?

  /// The name that it stands under.
  static func name(of domain: String) -> String { "_validation-persist.\(domain)" }

  /// A record.
  package init(issuer: String, account: String, coversWildcard: Bool = false, until: Date? = nil) {
    self.issuer = issuer
    self.account = account
    self.coversWildcard = coversWildcard
    self.until = until
  }

  /// Reads a record's text, and passes over parameters that it does not know; nil when it is none.
  ///
  /// A parameter that comes twice, or an end that is no whole number of seconds, makes it none: a CA
  /// takes it for malformed, and not for one without end.
  init?(text: String) {
    guard let value = IssueValue(text), !value.hasRepeats, !value.domain.isEmpty,
      let account = value.parameters["accounturi"]
    else { return nil }
    var until: Date?
    if let end = value.parameters["persistuntil"] {
      guard let seconds = Int(end), seconds >= 0 else { return nil }
      until = Date(timeIntervalSince1970: Double(seconds))
    }
    self.init(
      issuer: value.domain, account: account,
      coversWildcard: value.parameters["policy"]?.lowercased() == "wildcard", until: until)
  }

  /// The record's text.
  package var text: String {
    var words = ["\(issuer)", "accounturi=\(account)"]
    if coversWildcard { words.append("policy=wildcard") }
    if let until { words.append("persistUntil=\(Int(until.timeIntervalSince1970))") }
    return words.joined(separator: "; ")
  }

  /// Why it does not let this account get what a challenge is for.
  ///
  /// - Parameters:
  ///   - challenge: The challenge.
  ///   - now: The present moment.
  /// - Returns: What follows "a record which"; nil when it does let it.
  func objection(to challenge: PresentedChallenge, now: Date) -> String? {
    let issuers = (challenge.issuers ?? []).map { $0.lowercased() }
    if !issuers.contains(issuer.lowercased()) { return "is for another CA" }
    if account != challenge.account { return "is for another account" }
    if let until, until <= now { return "ended at \(until.ISO8601Format())" }
    if challenge.isWildcard == true, !coversWildcard { return "has no policy=wildcard" }
    return nil
  }
}

/// A CA's domain and parameters, as CAA records and their kin carry them (RFC 8659, section 4.2).
struct IssueValue: Sendable, Equatable {
  /// The domain, lower case; empty for "no CA".
  let domain: String
  /// The parameters, their names in lower case.
  let parameters: [String: String]
  /// Whether a parameter comes more than once; then its last value counts here.
  let hasRepeats: Bool

  /// Reads a value; nil when a parameter has no form.
  init?(_ text: String) {
    let parts = text.split(separator: ";", omittingEmptySubsequences: false).map(Self.trimmed)
    domain = (parts.first ?? "").lowercased()
    var parameters: [String: String] = [:]
    var hasRepeats = false
    for part in parts.dropFirst() where !part.isEmpty {
      guard let equals = part.firstIndex(of: "=") else { return nil }
      let name = Self.trimmed(part[..<equals]).lowercased()
      if parameters[name] != nil { hasRepeats = true }
      parameters[name] = Self.trimmed(part[part.index(after: equals)...])
    }
    self.hasRepeats = hasRepeats
    self.parameters = parameters
  }

  private static func trimmed(_ text: Substring) -> String {
    let isBlank = { (character: Character) in character == " " || character == "\t" }
    return String(text.drop(while: isBlank).reversed().drop(while: isBlank).reversed())
  }
}
