package import ACME

/// A challenge as a solver needs it, and as the journal keeps it.
package struct PresentedChallenge: Sendable, Equatable {
  /// The name that is being proved, without the star of a wildcard.
  package let identifier: Identifier
  /// What is presented; nil where the type presents nothing, and for a token from a damaged journal
  /// that is none: it must not become part of a path.
  package let keyAuthorization: KeyAuthorization?
  /// The type; nil in what earlier versions wrote: then it is that of the lineage.
  package var type: ChallengeType?
  /// Whether it is for the wildcard.
  package var isWildcard: Bool?
  /// The URL of the account.
  package var account: String?
  /// The CA's own names, for a standing record.
  package var issuers: [String]?

  /// A challenge for one name.
  package init(
    identifier: Identifier, keyAuthorization: KeyAuthorization?, type: ChallengeType? = nil,
    isWildcard: Bool? = nil, account: String? = nil, issuers: [String]? = nil
  ) {
    self.identifier = identifier
    self.keyAuthorization = keyAuthorization
    self.type = type
    self.isWildcard = isWildcard
    self.account = account
    self.issuers = issuers
  }

  /// The name as it was ordered, with the star of a wildcard.
  package var orderedName: Identifier {
    isWildcard == true ? .dns("*.\(identifier.value)") : identifier
  }
}

extension PresentedChallenge: Codable {
  private enum Keys: CodingKey {
    case identifier, token, keyAuthorization, type, isWildcard, account, issuers
  }

  /// Reads an entry of the journal.
  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Keys.self)
    let token = try fields.decode(String.self, forKey: .token)
    let text = try fields.decode(String.self, forKey: .keyAuthorization)
    identifier = try fields.decode(Identifier.self, forKey: .identifier)
    keyAuthorization = KeyAuthorization(text).flatMap { $0.token == token ? $0 : nil }
    type = try fields.decodeIfPresent(ChallengeType.self, forKey: .type)
    isWildcard = try fields.decodeIfPresent(Bool.self, forKey: .isWildcard)
    account = try fields.decodeIfPresent(String.self, forKey: .account)
    issuers = try fields.decodeIfPresent([String].self, forKey: .issuers)
  }

  /// Writes an entry of the journal; both texts are empty where nothing is presented.
  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: Keys.self)
    try fields.encode(identifier, forKey: .identifier)
    try fields.encode(keyAuthorization?.token ?? "", forKey: .token)
    try fields.encode(keyAuthorization?.string ?? "", forKey: .keyAuthorization)
    try fields.encodeIfPresent(type, forKey: .type)
    try fields.encodeIfPresent(isWildcard, forKey: .isWildcard)
    try fields.encodeIfPresent(account, forKey: .account)
    try fields.encodeIfPresent(issuers, forKey: .issuers)
  }
}
