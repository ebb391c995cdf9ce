/// A word that a CA may send and that may be one nobody has heard of yet.
///
/// Statuses, types and profile names are open: a new word at the CA must never break decoding
/// (a closed set in another client failed on every order the day a CA added a challenge type).
public protocol ServerWord: RawRepresentable, Hashable, Sendable, Codable,
  ExpressibleByStringLiteral, CustomStringConvertible
where RawValue == String {
  /// Makes the word from its text, which may be any.
  init(rawValue: String)
}

extension ServerWord {
  /// Makes the word from a literal.
  public init(stringLiteral value: String) { self.init(rawValue: value) }
  /// The word's text.
  public var description: String { rawValue }

  /// Reads the word from a plain string.
  public init(from decoder: any Decoder) throws {
    self.init(rawValue: try decoder.singleValueContainer().decode(String.self))
  }

  /// Writes the word as a plain string.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(rawValue)
  }
}

/// The kind of an identifier (RFC 8555 section 9.7.7, RFC 8738).
public struct IdentifierType: ServerWord {
  /// The word itself.
  public var rawValue: String
  /// Makes the word from its text, which may be any.
  public init(rawValue: String) { self.rawValue = rawValue }
  /// A DNS name.
  public static let dns = Self(rawValue: "dns")
  /// An IPv4 or IPv6 address (RFC 8738).
  public static let ip = Self(rawValue: "ip")
}

/// The state of an account (RFC 8555 section 7.1.6).
public struct AccountStatus: ServerWord {
  /// The word itself.
  public var rawValue: String
  /// Makes the word from its text, which may be any.
  public init(rawValue: String) { self.rawValue = rawValue }
  /// In use.
  public static let valid = Self(rawValue: "valid")
  /// Closed by its owner.
  public static let deactivated = Self(rawValue: "deactivated")
  /// Closed by the CA.
  public static let revoked = Self(rawValue: "revoked")
}

/// The state of an order (RFC 8555 section 7.1.6).
public struct OrderStatus: ServerWord {
  /// The word itself.
  public var rawValue: String
  /// Makes the word from its text, which may be any.
  public init(rawValue: String) { self.rawValue = rawValue }
  /// Some names are still to be validated.
  public static let pending = Self(rawValue: "pending")
  /// All names are validated; the CSR may be sent.
  public static let ready = Self(rawValue: "ready")
  /// The certificate is being made.
  public static let processing = Self(rawValue: "processing")
  /// The certificate can be downloaded.
  public static let valid = Self(rawValue: "valid")
  /// Failed for good.
  public static let invalid = Self(rawValue: "invalid")
}

/// The state of an authorization (RFC 8555 section 7.1.6).
public struct AuthorizationStatus: ServerWord {
  /// The word itself.
  public var rawValue: String
  /// Makes the word from its text, which may be any.
  public init(rawValue: String) { self.rawValue = rawValue }
  /// A challenge is to be answered.
  public static let pending = Self(rawValue: "pending")
  /// The name is validated.
  public static let valid = Self(rawValue: "valid")
  /// A challenge failed.
  public static let invalid = Self(rawValue: "invalid")
  /// Given up by the client.
  public static let deactivated = Self(rawValue: "deactivated")
  /// Too old.
  public static let expired = Self(rawValue: "expired")
  /// Taken back by the CA.
  public static let revoked = Self(rawValue: "revoked")
}

/// The state of a challenge (RFC 8555 section 7.1.6).
public struct ChallengeStatus: ServerWord {
  /// The word itself.
  public var rawValue: String
  /// Makes the word from its text, which may be any.
  public init(rawValue: String) { self.rawValue = rawValue }
  /// Not yet answered.
  public static let pending = Self(rawValue: "pending")
  /// Answered; the CA is looking.
  public static let processing = Self(rawValue: "processing")
  /// Passed.
  public static let valid = Self(rawValue: "valid")
  /// Failed.
  public static let invalid = Self(rawValue: "invalid")
}

/// The kind of a challenge.
public struct ChallengeType: ServerWord {
  /// The word itself.
  public var rawValue: String
  /// Makes the word from its text, which may be any.
  public init(rawValue: String) { self.rawValue = rawValue }
  /// A file on port 80 (RFC 8555 section 8.3).
  public static let http01 = Self(rawValue: "http-01")
  /// A TXT record (RFC 8555 section 8.4).
  public static let dns01 = Self(rawValue: "dns-01")
  /// A certificate on port 443 (RFC 8737).
  public static let tlsALPN01 = Self(rawValue: "tls-alpn-01")
  /// A standing TXT record (draft-ietf-acme-dns-persist).
  public static let dnsPersist01 = Self(rawValue: "dns-persist-01")
  /// A TXT record under a label of the account (draft-ietf-acme-dns-account-label).
  public static let dnsAccount01 = Self(rawValue: "dns-account-01")
}

/// Why a certificate is revoked (RFC 5280 section 5.3.1).
public struct RevocationReason: RawRepresentable, Hashable, Sendable, Codable {
  /// The CRL reason code.
  public var rawValue: Int
  /// Makes a reason from its CRL code.
  public init(rawValue: Int) { self.rawValue = rawValue }
  /// No reason given.
  public static let unspecified = Self(rawValue: 0)
  /// Somebody else has, or may have, the private key.
  public static let keyCompromise = Self(rawValue: 1)
  /// The names belong to another organisation now.
  public static let affiliationChanged = Self(rawValue: 3)
  /// A newer certificate takes its place.
  public static let superseded = Self(rawValue: 4)
  /// The names are no longer served.
  public static let cessationOfOperation = Self(rawValue: 5)
}
