internal import FoundationEssentials

/// The type of a problem (RFC 8555 section 6.7), without ACME's URN prefix.
public struct ProblemType: ServerWord {
  /// The name, such as "rateLimited", or the whole URI if it is not an ACME type.
  public var rawValue: String

  /// Creates a type from its name or its full URN.
  public init(rawValue: String) {
    self.rawValue =
      rawValue.hasPrefix(Self.prefix) ? String(rawValue.dropFirst(Self.prefix.count)) : rawValue
  }

  /// The prefix of ACME's types in a problem document.
  static let prefix = "urn:ietf:params:acme:error:"

  /// The account does not exist.
  public static let accountDoesNotExist = Self(rawValue: "accountDoesNotExist")
  /// The certificate is already revoked.
  public static let alreadyRevoked = Self(rawValue: "alreadyRevoked")
  /// The certificate in `replaces` is already replaced (RFC 9773).
  public static let alreadyReplaced = Self(rawValue: "alreadyReplaced")
  /// The CSR is not acceptable.
  public static let badCSR = Self(rawValue: "badCSR")
  /// The nonce is not acceptable; the client retries with a new one.
  public static let badNonce = Self(rawValue: "badNonce")
  /// The public key is not acceptable.
  public static let badPublicKey = Self(rawValue: "badPublicKey")
  /// The revocation reason is not allowed.
  public static let badRevocationReason = Self(rawValue: "badRevocationReason")
  /// The signature algorithm is not supported.
  public static let badSignatureAlgorithm = Self(rawValue: "badSignatureAlgorithm")
  /// CAA records forbid this CA.
  public static let caa = Self(rawValue: "caa")
  /// There are several problems; see the subproblems.
  public static let compound = Self(rawValue: "compound")
  /// The request conflicts with the current state, such as a pending key change.
  public static let conflict = Self(rawValue: "conflict")
  /// The CA could not connect to the host.
  public static let connection = Self(rawValue: "connection")
  /// A DNS query of the CA failed.
  public static let dns = Self(rawValue: "dns")
  /// The CA requires an external account binding.
  public static let externalAccountRequired = Self(rawValue: "externalAccountRequired")
  /// The response to a challenge is not the one the CA expected.
  public static let incorrectResponse = Self(rawValue: "incorrectResponse")
  /// A contact URL is invalid.
  public static let invalidContact = Self(rawValue: "invalidContact")
  /// The profile does not exist or does not match the order (draft-ietf-acme-profiles).
  public static let invalidProfile = Self(rawValue: "invalidProfile")
  /// The request is malformed.
  public static let malformed = Self(rawValue: "malformed")
  /// The requested resource does not exist.
  public static let notFound = Self(rawValue: "notFound")
  /// The order cannot be finalized yet.
  public static let orderNotReady = Self(rawValue: "orderNotReady")
  /// The client exceeded a rate limit.
  public static let rateLimited = Self(rawValue: "rateLimited")
  /// The CA does not issue for the name.
  public static let rejectedIdentifier = Self(rawValue: "rejectedIdentifier")
  /// The CA had an internal error.
  public static let serverInternal = Self(rawValue: "serverInternal")
  /// The CA could not establish a TLS connection to the host.
  public static let tls = Self(rawValue: "tls")
  /// The client lacks authorization, or the response to a challenge was wrong.
  public static let unauthorized = Self(rawValue: "unauthorized")
  /// The type of the contact is not supported.
  public static let unsupportedContact = Self(rawValue: "unsupportedContact")
  /// The type of the identifier is not supported.
  public static let unsupportedIdentifier = Self(rawValue: "unsupportedIdentifier")
  /// A person must do something in a browser, such as agreeing to new terms.
  public static let userActionRequired = Self(rawValue: "userActionRequired")
}

/// A problem document (RFC 9457, RFC 8555 section 6.7) from a CA.
///
/// Every field is optional, and a malformed one is ignored. The texts come from the CA and are
/// untrusted; ``description`` joins them.
public struct Problem: Sendable, Equatable, Codable, CustomStringConvertible {
  /// The type of the problem; `about:blank` if the CA sent none.
  public var type: ProblemType
  /// A short summary of the type.
  public var title: String?
  /// An explanation of this occurrence.
  public var detail: String?
  /// The HTTP status.
  public var status: Int?
  /// A URL about this occurrence; for `userActionRequired` the page to visit.
  public var instance: String?
  /// The name with the problem; only in subproblems.
  public var identifier: Identifier?
  /// The problems of single names.
  public var subproblems: [Problem]

  /// Creates a problem, mainly for tests.
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

  /// Decodes a problem and ignores malformed fields.
  ///
  /// - Throws: `DecodingError` for a value that is not an object.
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

  /// Encodes the fields that are set; an ACME type with its full URN.
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

  /// The maximum number of subproblems: an order has at most some hundred names.
  static let mostSubproblems = 200

  /// The problem as text, each subproblem with its name; control characters are not escaped.
  public var description: String {
    let own = words
    let parts = subproblems.map { sub in
      (sub.identifier.map { $0.value + ": " } ?? "") + sub.words
    }
    return ([own] + parts).joined(separator: "; ").shortened(to: 4000)
  }

  /// The text of this problem without its subproblems.
  private var words: String {
    let text = detail?.trimmed ?? title?.trimmed ?? ""
    let kind = type.rawValue == "about:blank" ? status.map { "status \($0)" } : type.rawValue
    guard !text.isEmpty else { return kind ?? "no reason given" }
    return kind.map { text + " (" + $0 + ")" } ?? text
  }
}

extension KeyedDecodingContainer {
  /// Returns the field, or `nil` if it is missing, null or of another type.
  func lenient<Value: Decodable>(_ key: Key, as type: Value.Type = Value.self) -> Value? {
    // One malformed optional field must not make the whole response unusable.
    (try? decodeIfPresent(Value.self, forKey: key)) ?? nil
  }

  /// Returns the readable elements of a list; an empty list if there is none.
  func lenientList<Value: Decodable>(_ key: Key, of type: Value.Type = Value.self) -> [Value] {
    (lenient(key, as: [Lossy<Value>].self) ?? []).compactMap(\.value)
  }

  /// Returns a time in RFC 3339, or `nil` if it is missing or malformed.
  func lenientTime(_ key: Key) -> Date? {
    lenient(key, as: String.self).flatMap(Timestamp.rfc3339)
  }
}

/// An element of a list; `nil` if it is unreadable, so that the other elements can be read.
struct Lossy<Value: Decodable>: Decodable {
  var value: Value?
  init(from decoder: any Decoder) throws { value = try? Value(from: decoder) }
}

extension String {
  /// Returns the text, or its start with an ellipsis if it is longer than the limit.
  func shortened(to limit: Int) -> String {
    count <= limit ? self : String(prefix(limit)) + "…"
  }
}
