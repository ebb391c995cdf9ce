public import FoundationEssentials

/// The authorization of an account to get certificates for a name (RFC 8555 section 7.1.4).
public struct Authorization: Sendable, Equatable {
  /// The URL of the authorization.
  public var url: String
  /// The name; for a wildcard the domain without the star.
  public var identifier: Identifier
  /// The state of the authorization.
  public var status: AuthorizationStatus
  /// The time when the authorization expires.
  public var expires: Date?
  /// The challenges in the CA's order, including unreadable ones.
  public var challenges: [Challenge]
  /// Whether the authorization is for the wildcard of ``identifier``.
  public var isWildcard: Bool

  /// The name as in the order, with the star of a wildcard.
  public var name: String { isWildcard ? "*." + identifier.value : identifier.value }

  /// Returns the challenge of a type, if the CA offers it.
  public func challenge(_ type: ChallengeType) -> Challenge? {
    challenges.first { $0.type == type }
  }

  /// The problem of the failed challenge, if the CA returns it.
  public var failure: Problem? { challenges.lazy.compactMap(\.error).first }

  /// The failure as an error with the name as subject; `nil` unless the authorization failed.
  public var error: ACMEError? {
    guard ![.pending, .valid].contains(status), status.rawValue != "processing" else { return nil }
    let problem = failure
    return ACMEError(
      .authorizationInvalid, "validate", subject: name, problem: problem,
      detail: "the authorization is \(status)", hint: problem?.hint)
  }
}

extension Authorization: Decodable {
  private enum Keys: String, CodingKey { case identifier, status, expires, challenges, wildcard }

  /// Decodes an authorization; the client sets its URL.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Keys.self)
    identifier = try fields.decode(Identifier.self, forKey: .identifier)
    status = try fields.decode(AuthorizationStatus.self, forKey: .status)
    expires = fields.lenientTime(.expires)
    challenges = fields.lenientList(.challenges)
    isWildcard = fields.lenient(.wildcard) ?? false
    url = ""
    // Some servers keep the star in the identifier.
    if identifier.isWildcard {
      isWildcard = true
      identifier.value = identifier.baseDomain
    }
  }

  /// Returns a copy with the authorization's URL, which the document does not contain.
  func located(at url: String) -> Authorization {
    var copy = self
    copy.url = url
    for index in copy.challenges.indices { copy.challenges[index].authorizationURL = url }
    return copy
  }
}
