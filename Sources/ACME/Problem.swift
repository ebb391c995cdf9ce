internal import FoundationEssentials

/// The type of a problem (RFC 8555 section 6.7), without its usual prefix.
public struct ProblemType: ServerWord {
  /// The word: "rateLimited", or a whole URI when it is not one of ACME's.
  public var rawValue: String

  /// Makes a type from a word or from a full URN.
  public init(rawValue: String) {
    self.rawValue =
      rawValue.hasPrefix(Self.prefix) ? String(rawValue.dropFirst(Self.prefix.count)) : rawValue
  }

  /// What the types of RFC 8555 begin with on the wire.
  static let prefix = "urn:ietf:params:acme:error:"

  /// The account to be found does not exist.
  public static let accountDoesNotExist = Self(rawValue: "accountDoesNotExist")
  /// The certificate has been revoked before.
  public static let alreadyRevoked = Self(rawValue: "alreadyRevoked")
  /// The certificate named by `replaces` has been replaced before (RFC 9773).
  public static let alreadyReplaced = Self(rawValue: "alreadyReplaced")
  /// The CSR is not acceptable.
  public static let badCSR = Self(rawValue: "badCSR")
  /// The nonce was not acceptable; the same request again, with a fresh one, is in order.
  public static let badNonce = Self(rawValue: "badNonce")
  /// The public key is not acceptable.
  public static let badPublicKey = Self(rawValue: "badPublicKey")
  /// The reason for a revocation is not allowed.
  public static let badRevocationReason = Self(rawValue: "badRevocationReason")
  /// The signature algorithm is not supported.
  public static let badSignatureAlgorithm = Self(rawValue: "badSignatureAlgorithm")
  /// CAA records forbid this CA.
  public static let caa = Self(rawValue: "caa")
  /// Several things are wrong; see the subproblems.
  public static let compound = Self(rawValue: "compound")
  /// The request contradicts the state of things, such as a pending rollover.
  public static let conflict = Self(rawValue: "conflict")
  /// The CA could not connect to the host.
  public static let connection = Self(rawValue: "connection")
  /// The CA had trouble with a DNS query.
  public static let dns = Self(rawValue: "dns")
  /// An external account binding is needed.
  public static let externalAccountRequired = Self(rawValue: "externalAccountRequired")
  /// What was presented for a challenge is not what the CA expected.
  public static let incorrectResponse = Self(rawValue: "incorrectResponse")
  /// A contact URL is wrong.
  public static let invalidContact = Self(rawValue: "invalidContact")
  /// The profile does not exist or does not fit (draft-ietf-acme-profiles).
  public static let invalidProfile = Self(rawValue: "invalidProfile")
  /// The request was malformed.
  public static let malformed = Self(rawValue: "malformed")
  /// What was asked for is not there.
  public static let notFound = Self(rawValue: "notFound")
  /// The order cannot be finalized yet.
  public static let orderNotReady = Self(rawValue: "orderNotReady")
  /// Too many requests.
  public static let rateLimited = Self(rawValue: "rateLimited")
  /// The CA will not issue for a name.
  public static let rejectedIdentifier = Self(rawValue: "rejectedIdentifier")
  /// Something broke at the CA.
  public static let serverInternal = Self(rawValue: "serverInternal")
  /// The CA could not speak TLS with the host.
  public static let tls = Self(rawValue: "tls")
  /// The client may not do this, or a challenge had the wrong answer.
  public static let unauthorized = Self(rawValue: "unauthorized")
  /// The kind of contact is not supported.
  public static let unsupportedContact = Self(rawValue: "unsupportedContact")
  /// The kind of identifier is not supported.
  public static let unsupportedIdentifier = Self(rawValue: "unsupportedIdentifier")
  /// A person must do something in a browser, such as agreeing to new terms.
  public static let userActionRequired = Self(rawValue: "userActionRequired")
}

/// A problem document (RFC 9457, RFC 8555 section 6.7) as a CA sent it.
///
/// Every field is optional on the wire and read by itself: a malformed one is left out and never
/// hides the others. The texts are the CA's and hostile; ``description`` joins them in words.
public struct Problem: Sendable, Equatable, Codable, CustomStringConvertible {
  /// What kind of problem; `about:blank` when the CA did not say.
  public var type: ProblemType
  /// A short summary of the type.
  public var title: String?
  /// What went wrong this time.
  public var detail: String?
  /// The HTTP status.
  public var status: Int?
  /// A URL about this very occurrence; for `userActionRequired` the page to visit.
  public var instance: String?
  /// The name it is about; only in subproblems.
  public var identifier: Identifier?
  /// One problem for each name that is to blame.
  public var subproblems: [Problem]

  /// Makes a problem, mainly for tests.
  public init(
    type: ProblemType, title: String? = nil, detail: String? = nil, status: Int? = nil,
    instance: String? = nil, identifier: Identifier? = nil, subproblems: [Problem] = []
  ) {
    self.type = type
    self.title = title
    self.detail = detail
    self.status = status
    self.instance = instance
    self.identifier = identifier
    self.subproblems = subproblems
  }

  enum CodingKeys: String, CodingKey {
    case type, title, detail, status, instance, identifier, subproblems
  }

  /// Reads what can be read; only something that is no object is an error.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    type = fields.lenient(.type) ?? ProblemType(rawValue: "about:blank")
    title = fields.lenient(.title)
    detail = fields.lenient(.detail)
    status = fields.lenient(.status)
    instance = fields.lenient(.instance)
    identifier = fields.lenient(.identifier)
    subproblems = Array(fields.lenientList(.subproblems).prefix(Self.mostSubproblems))
  }

  /// Writes the fields that there are, the type with its full URN when it is one of ACME's.
  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: CodingKeys.self)
    let isPlain = type.rawValue.utf8.contains(UInt8(ascii: ":"))
    try fields.encode(isPlain ? type.rawValue : ProblemType.prefix + type.rawValue, forKey: .type)
    try fields.encodeIfPresent(title, forKey: .title)
    try fields.encodeIfPresent(detail, forKey: .detail)
    try fields.encodeIfPresent(status, forKey: .status)
    try fields.encodeIfPresent(instance, forKey: .instance)
    try fields.encodeIfPresent(identifier, forKey: .identifier)
    if !subproblems.isEmpty { try fields.encode(subproblems, forKey: .subproblems) }
  }

  /// Orders have at most some hundred names, and so have honest problems.
  static let mostSubproblems = 200

  /// The problem in words, each subproblem with its name; control characters are still in it.
  public var description: String {
    let own = words
    let parts = subproblems.map { sub in
      (sub.identifier.map { $0.value + ": " } ?? "") + sub.words
    }
    return ([own] + parts).joined(separator: "; ").shortened(to: 4000)
  }

  /// This problem alone, without its subproblems.
  private var words: String {
    let text = detail?.trimmed ?? title?.trimmed ?? ""
    let kind = type.rawValue == "about:blank" ? status.map { "status \($0)" } : type.rawValue
    guard !text.isEmpty else { return kind ?? "no reason given" }
    return kind.map { text + " (" + $0 + ")" } ?? text
  }
}

extension KeyedDecodingContainer {
  /// The field, or `nil` when it is missing, null or of another type.
  func lenient<Value: Decodable>(_ key: Key, as type: Value.Type = Value.self) -> Value? {
    // One malformed optional field must not cost the whole answer.
    (try? decodeIfPresent(Value.self, forKey: key)) ?? nil
  }

  /// The elements of a list that can be read; empty when there is no list.
  func lenientList<Value: Decodable>(_ key: Key, of type: Value.Type = Value.self) -> [Value] {
    (lenient(key, as: [Lossy<Value>].self) ?? []).compactMap(\.value)
  }

  /// A time in RFC 3339, or `nil` when it is missing or malformed.
  func lenientTime(_ key: Key) -> Date? {
    lenient(key, as: String.self).flatMap(Timestamp.rfc3339)
  }
}

/// A value of a list that may be unreadable without spoiling its neighbours.
struct Lossy<Value: Decodable>: Decodable {
  var value: Value?
  init(from decoder: any Decoder) throws { value = try? Value(from: decoder) }
}

extension String {
  /// The text, or its beginning with an ellipsis.
  func shortened(to limit: Int) -> String {
    count <= limit ? self : String(prefix(limit)) + "…"
  }
}
