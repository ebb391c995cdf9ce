public import FoundationEssentials

/// The right of an account to get certificates for a name (RFC 8555 section 7.1.4).
public struct Authorization: Sendable, Equatable {
  /// Where it is.
  public var url: String
  /// The name; for a wildcard the domain without the star.
  public var identifier: Identifier
  /// How far it is.
  public var status: AuthorizationStatus
  /// Until when it lasts.
  public var expires: Date?
  /// The ways to prove control, in the CA's order, unreadable ones included.
  public var challenges: [Challenge]
  /// Whether it is for the wildcard of ``identifier``.
  public var isWildcard: Bool

  /// The name as it stands in the order, with the star of a wildcard.
  public var name: String { isWildcard ? "*." + identifier.value : identifier.value }

  /// The challenge of a type, if it is on offer.
  public func challenge(_ type: ChallengeType) -> Challenge? {
    challenges.first { $0.type == type }
  }

  /// Why it failed: the problem of the challenge that failed, when the CA tells.
  public var failure: Problem? { challenges.lazy.compactMap(\.error).first }

  /// The failure as an error that names the name; `nil` while nothing has failed.
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

  /// Reads an authorization; its URL is filled in by the client.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Keys.self)
    identifier = try fields.decode(Identifier.self, forKey: .identifier)
    status = try fields.decode(AuthorizationStatus.self, forKey: .status)
    expires = fields.lenientTime(.expires)
    challenges = fields.lenientList(.challenges)
    isWildcard = fields.lenient(.wildcard) ?? false
    url = ""
    // Some servers leave the star in place.
    if identifier.isWildcard {
      isWildcard = true
      identifier.value = identifier.baseDomain
    }
  }

  /// The same with the URLs that the document itself does not hold.
  func located(at url: String) -> Authorization {
    var copy = self
    copy.url = url
    for index in copy.challenges.indices { copy.challenges[index].authorizationURL = url }
    return copy
  }
}
