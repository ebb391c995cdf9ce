public import CertctlCrypto

/// One way to prove control of a name (RFC 8555 section 7.1.5).
///
/// Challenges that this library cannot read completely are kept, so that a CA can add new ones.
/// Without a ``token``, a challenge cannot be responded to.
public struct Challenge: Sendable, Equatable {
  /// The type of the challenge.
  public var type: ChallengeType
  /// The URL of the challenge.
  public var url: String
  /// The state of the challenge.
  public var status: ChallengeStatus
  /// The token: 1 to 128 base64url characters; `nil` if it is missing or invalid.
  public var token: String?
  /// The problem of a failed challenge.
  public var error: Problem?
  /// The issuer names for the record of dns-persist-01.
  public var issuerDomainNames: [String]
  /// The account URI for the record of dns-persist-01, if the CA sends it.
  public var accountURI: String?
  /// The URL of the challenge's authorization.
  public var authorizationURL: String

  /// The maximum length of a token; real ones have 43 characters.
  ///
  /// The token is used as a file name, which has at most 255 bytes.
  public static let longestToken = 128

  /// Returns the values to present for this challenge.
  ///
  /// - Throws: ``ACMEError`` with the code ``ACMEError/Code/untrustedAnswer`` when the challenge
  ///   has no usable token.
  public func keyAuthorization(accountKey: PublicKey) throws(ACMEError) -> KeyAuthorization {
    guard let token else {
      throw ACMEError(
        .untrustedAnswer, "respond to the challenge", subject: url,
        detail: "the CA sent no usable token for this \(type) challenge",
        hint: "use another challenge type")
    }
    return KeyAuthorization(token: token, thumbprint: try accountKey.thumbprint)
  }
}

/// The key authorization for a challenge, in each of its forms (RFC 8555 section 8.1).
///
/// Its text can be stored and parsed again; parsing checks the ``token``.
public struct KeyAuthorization: Sendable, Equatable, LosslessStringConvertible, Codable {
  /// The challenge's token; safe as a file name.
  public let token: String
  /// The text of the key authorization: the body to serve for http-01.
  public let string: String

  init(token: String, thumbprint: String) {
    self.token = token
    string = token + "." + thumbprint
  }

  /// Parses a key authorization: a token, a dot and a thumbprint.
  ///
  /// - Returns: `nil` if either part is not base64url, or the token is longer than
  ///   ``Challenge/longestToken``.
  public init?(_ description: String) {
    let parts = description.split(
      separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, let token = Challenge.checked(token: String(parts[0])),
      Base64URL.isAlphabet(String(parts[1]))
    else { return nil }
    self.init(token: token, thumbprint: String(parts[1]))
  }

  /// Decodes the text of a key authorization.
  ///
  /// - Throws: `DecodingError` for any other text.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let value = Self(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "not a key authorization")
    }
    self = value
  }

  /// Encodes the text.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(string)
  }

  /// The directory of ``httpPath``, with a trailing slash.
  public static let httpFolder = "/.well-known/acme-challenge/"

  /// The path of the URL on port 80 of the name (RFC 8555 section 8.3).
  public var httpPath: String { Self.httpFolder + token }

  /// The content of the TXT record at `_acme-challenge.<name>` (RFC 8555 section 8.4).
  public var dnsTXTValue: String { Base64URL.encode(alpnDigest) }

  /// The SHA-256 digest in the certificate for tls-alpn-01 (RFC 8737 section 3).
  public var alpnDigest: [UInt8] { Digest.sha256([UInt8](string.utf8)) }

  /// The text of the key authorization; it is not a secret.
  public var description: String { string }

  /// Returns the first label of the record for dns-account-01: "_" and 16 letters or digits.
  ///
  /// The record's name is "LABEL._acme-challenge.<name>" (draft-ietf-acme-dns-account-label).
  public static func dnsAccountLabel(accountURL: String) -> String {
    let letters = [Character]("abcdefghijklmnopqrstuvwxyz234567")
    var label = "_"
    var bits = 0
    var count = 0
    for byte in Digest.sha256([UInt8](accountURL.utf8)).prefix(10) {
      bits = bits << 8 | Int(byte)
      count += 8
      while count >= 5 {
        count -= 5
        label.append(letters[bits >> count & 31])
      }
      bits &= (1 << count) - 1
    }
    return label
  }
}

extension Challenge: Decodable {
  private enum Keys: String, CodingKey {
    case type, url, status, token, error
    case accountURI = "accounturi"
    case issuerDomainNames = "issuer-domain-names"
  }

  /// Decodes a challenge and ignores malformed fields; the client sets the authorization's URL.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Keys.self)
    type = fields.lenient(.type) ?? ChallengeType(rawValue: "")
    url = fields.lenient(.url) ?? ""
    status = fields.lenient(.status) ?? .pending
    token = fields.lenient(.token, as: String.self).flatMap(Self.checked)
    error = fields.lenient(.error)
    issuerDomainNames = fields.lenientList(.issuerDomainNames)
    accountURI = fields.lenient(.accountURI)
    authorizationURL = ""
  }

  /// Returns the token if its characters and length are valid (RFC 8555 section 8.1).
  static func checked(token: String) -> String? {
    token.utf8.count <= longestToken && Base64URL.isAlphabet(token) ? token : nil
  }
}
