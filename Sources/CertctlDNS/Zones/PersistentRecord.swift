import CertctlStore
package import FoundationEssentials

/// The persistent TXT record of dns-persist-01 (draft-ietf-acme-dns-persist).
///
/// It permits one account at one CA to get certificates for the domain, without a new record for
/// each order. Its syntax is that of CAA issue values (RFC 8659, section 4.2): the domain of the
/// CA, then parameters.
package struct PersistentRecord: Sendable, Equatable {
  /// The domain that identifies the CA.
  var issuer: String
  /// The URL of the account.
  var account: String
  /// Whether it also covers the names below the domain.
  var coversWildcard: Bool
  /// The expiry date; nil if it does not expire.
  var until: Date?

  /// Returns the owner name of the record.
  static func name(of domain: String) -> String { "_validation-persist.\(domain)" }

  /// Creates a record.
  package init(issuer: String, account: String, coversWildcard: Bool = false, until: Date? = nil) {
    self.issuer = issuer
    self.account = account
    self.coversWildcard = coversWildcard
    self.until = until
  }

  /// Parses the text of a record, ignoring unknown parameters; nil for any other text.
  ///
  /// A repeated parameter or an expiry that is not a whole number is an error, as for a CA: such a
  /// record is malformed, not unlimited.
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

  /// The text of the record.
  package var text: String {
    var words = ["\(issuer)", "accounturi=\(account)"]
    if coversWildcard { words.append("policy=wildcard") }
    if let until { words.append("persistUntil=\(Int(until.timeIntervalSince1970))") }
    return words.joined(separator: "; ")
  }

  /// Returns why the record does not satisfy a challenge.
  ///
  /// - Parameters:
  ///   - challenge: The challenge.
  ///   - now: The current time.
  /// - Returns: A verb phrase that follows "which"; nil if it satisfies the challenge.
  func objection(to challenge: PresentedChallenge, now: Date) -> String? {
    let issuers = (challenge.issuers ?? []).map { $0.lowercased() }
    if !issuers.contains(issuer.lowercased()) { return "is for another CA" }
    if account != challenge.account { return "is for another account" }
    if let until, until <= now { return "expired at \(until.ISO8601Format())" }
    if challenge.isWildcard == true, !coversWildcard { return "lacks policy=wildcard" }
    return nil
  }
}

/// The domain of a CA with parameters, as in CAA records (RFC 8659, section 4.2).
struct IssueValue: Sendable, Equatable {
  /// The domain in lower case; empty for "no CA".
  let domain: String
  /// The parameters, with names in lower case.
  let parameters: [String: String]
  /// Whether a parameter is repeated; `parameters` then has its last value.
  let hasRepeats: Bool

  /// Parses a value; nil if a parameter is malformed.
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
