package import ACME

/// A challenge as solvers use it and the journal stores it.
package struct PresentedChallenge: Sendable, Equatable {
  /// The name being validated, without the `*.` of a wildcard.
  package let identifier: Identifier
  /// The key authorization to present; nil if the challenge type presents none.
  ///
  /// It is also nil if the journal holds an invalid token, which must not become part of a path.
  package let keyAuthorization: KeyAuthorization?
  /// The type; nil in files of old versions, which means the lineage's type.
  package var type: ChallengeType?
  /// Whether it is for the wildcard.
  package var isWildcard: Bool?
  /// The account's URL.
  package var account: String?
  /// The issuer names of the CA, for a persistent record.
  package var issuers: [String]?

  /// Creates a challenge for one name.
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

  /// The name as it was ordered, with the `*.` of a wildcard.
  package var orderedName: Identifier {
    isWildcard == true ? .dns("*.\(identifier.value)") : identifier
  }
}

extension PresentedChallenge: Codable {
  private enum Keys: CodingKey {
    case identifier, token, keyAuthorization, type, isWildcard, account, issuers
  }

  /// Reads a journal entry.
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

  /// Writes a journal entry; without a key authorization, both texts are empty.
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
