import FoundationEssentials
import HostIO

/// The standing TXT record of dns-persist-01 (draft-ietf-acme-dns-persist): it names a CA and an
/// account that may get certificates for the domain, without a new record for each order.
///
/// Its form is that of CAA's issue values (RFC 8659, section 4.2): the CA's name, then parameters.
struct PersistentRecord: Sendable, Equatable {
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
  init(issuer: String, account: String, coversWildcard: Bool = false, until: Date? = nil) {
    self.issuer = issuer
    self.account = account
    self.coversWildcard = coversWildcard
    self.until = until
  }

  /// Reads a record's text, and passes over parameters that it does not know; nil when it is none.
  init?(text: String) {
    guard let value = IssueValue(text), let account = value.parameters["accounturi"] else {
      return nil
    }
    self.init(
      issuer: value.domain, account: account,
      coversWildcard: value.parameters["policy"]?.lowercased() == "wildcard",
      until: value.parameters["persistuntil"].flatMap(Double.init).map {
        Date(timeIntervalSince1970: $0)
      })
  }

  /// The record's text.
  var text: String {
    var words = ["\(issuer)", "accounturi=\(account)"]
    if coversWildcard { words.append("policy=wildcard") }
    if let until { words.append("persistUntil=\(Int(until.timeIntervalSince1970))") }
    return words.joined(separator: "; ")
  }

  /// Whether it lets this account get what a challenge is for.
  ///
  /// - Parameters:
  ///   - challenge: The challenge.
  ///   - now: The present moment.
  /// - Returns: Whether it does.
  func allows(_ challenge: PresentedChallenge, now: Date) -> Bool {
    let issuers = (challenge.issuers ?? []).map { $0.lowercased() }
    return issuers.contains(issuer.lowercased()) && account == challenge.account
      && (coversWildcard || challenge.isWildcard != true) && until.map { $0 > now } ?? true
  }
}

/// A CA's domain and parameters, as CAA records and their kin carry them (RFC 8659, section 4.2).
struct IssueValue: Sendable, Equatable {
  /// The domain, lower case; empty for "no CA".
  let domain: String
  /// The parameters, their names in lower case.
  let parameters: [String: String]

  /// Reads a value; nil when a parameter has no form.
  init?(_ text: String) {
    let parts = text.split(separator: ";", omittingEmptySubsequences: false).map(Self.trimmed)
    domain = (parts.first ?? "").lowercased()
    var parameters: [String: String] = [:]
    for part in parts.dropFirst() where !part.isEmpty {
      guard let equals = part.firstIndex(of: "=") else { return nil }
      let name = Self.trimmed(part[..<equals]).lowercased()
      parameters[name] = Self.trimmed(part[part.index(after: equals)...])
    }
    self.parameters = parameters
  }

  private static func trimmed(_ text: Substring) -> String {
    let isBlank = { (character: Character) in character == " " || character == "\t" }
    return String(text.drop(while: isBlank).reversed().drop(while: isBlank).reversed())
  }
}
