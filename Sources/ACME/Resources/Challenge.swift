public import CertctlCrypto

/// One way to prove control of a name (RFC 8555 section 7.1.5).
///
/// A challenge that this library cannot read fully is kept, so that nothing a CA adds is fatal;
/// it has no ``token`` then and cannot be answered.
public struct Challenge: Sendable, Equatable {
  /// The kind of proof.
  public var type: ChallengeType
  /// Where it is answered.
  public var url: String
  /// How far it is.
  public var status: ChallengeStatus
  /// The token: 1 to 128 characters of base64url, or `nil` when there was none or a bad one.
  public var token: String?
  /// Why it failed.
  public var error: Problem?
  /// The issuer names to put into the record of dns-persist-01.
  public var issuerDomainNames: [String]
  /// The account URI that dns-persist-01 wants in its record, when the CA names it.
  public var accountURI: String?
  /// The authorization it belongs to.
  public var authorizationURL: String

  /// The longest token that is taken; real ones have 43 characters.
  ///
  /// It becomes a file name, whose limit is 255 bytes.
  public static let longestToken = 128

  /// The values to present for this challenge.
  ///
  /// - Throws: ``ACMEError`` with the code ``ACMEError/Code/untrustedAnswer`` when the challenge
  ///   has no usable token.
  public func keyAuthorization(accountKey: PublicKey) throws(ACMEError) -> KeyAuthorization {
    guard let token else {
      throw ACMEError(
        .untrustedAnswer, "answer the challenge", subject: url,
        detail: "the CA sent no usable token with this \(type) challenge",
        hint: "Choose another challenge type.")
    }
    return KeyAuthorization(token: token, thumbprint: try accountKey.thumbprint)
  }
}

/// What is presented for a challenge, in each of its forms (RFC 8555 section 8.1).
///
/// Its text can be kept and read again: whatever was read, ``token`` is checked.
public struct KeyAuthorization: Sendable, Equatable, LosslessStringConvertible, Codable {
  /// The challenge's token; safe as a file name.
  public let token: String
  /// The key authorization itself: the body to serve for http-01.
  public let string: String

  init(token: String, thumbprint: String) {
    self.token = token
    string = token + "." + thumbprint
  }

  /// Reads a key authorization: a token and a thumbprint with a dot between them.
  ///
  /// - Returns: `nil` when either is not base64url, or the token is longer than
  ///   ``Challenge/longestToken``.
  public init?(_ description: String) {
    let parts = description.split(
      separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, let token = Challenge.checked(token: String(parts[0])),
      Base64URL.isAlphabet(String(parts[1]))
    else { return nil }
    self.init(token: token, thumbprint: String(parts[1]))
  }

  /// Reads the text of one.
  ///
  /// - Throws: `DecodingError` for any other text.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let value = Self(try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "this is no key authorization")
    }
    self = value
  }

  /// Writes the text.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(string)
  }

  /// The folder of ``httpPath``, with a slash at its end.
  public static let httpFolder = "/.well-known/acme-challenge/"

  /// The path below the name on port 80 (RFC 8555 section 8.3).
  public var httpPath: String { Self.httpFolder + token }

  /// The content of the TXT record at `_acme-challenge.<name>` (RFC 8555 section 8.4).
  public var dnsTXTValue: String { Base64URL.encode(alpnDigest) }

  /// The SHA-256 digest in the certificate for tls-alpn-01 (RFC 8737 section 3).
  public var alpnDigest: [UInt8] { Digest.sha256([UInt8](string.utf8)) }

  /// The key authorization itself; it is no secret.
  public var description: String { string }

  /// The first label of the record for dns-account-01: "_" and 16 letters, which stand before
  /// "._acme-challenge.<name>" (draft-ietf-acme-dns-account-label).
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

  /// Reads what can be read; the authorization's URL is filled in by the client.
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

  /// The token when its alphabet and size are right (RFC 8555 section 8.1).
  static func checked(token: String) -> String? {
    token.utf8.count <= longestToken && Base64URL.isAlphabet(token) ? token : nil
  }
}
