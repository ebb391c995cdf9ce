/// A value from a CA that may be unknown to this library.
///
/// Statuses, types and profile names are open sets, so that a new value never breaks decoding. In
/// another client with closed sets, every order failed when a CA added a challenge type.
public protocol ServerWord: RawRepresentable, Hashable, Sendable, Codable,
  ExpressibleByStringLiteral, CustomStringConvertible
where RawValue == String {
  /// Creates the value from any text.
  init(rawValue: String)
}

extension ServerWord {
  /// Creates the value from a literal.
  public init(stringLiteral value: String) { self.init(rawValue: value) }
  /// The text of the value.
  public var description: String { rawValue }

  /// Decodes the value from a string.
  public init(from decoder: any Decoder) throws {
    self.init(rawValue: try decoder.singleValueContainer().decode(String.self))
  }

  /// Encodes the value as a string.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(rawValue)
  }
}

/// The type of an identifier (RFC 8555 section 9.7.7, RFC 8738).
public struct IdentifierType: ServerWord {
  /// The text of the value.
  public var rawValue: String
  /// Creates the value from any text.
  public init(rawValue: String) { self.rawValue = rawValue }
  /// A DNS name.
  public static let dns = Self(rawValue: "dns")
  /// An IPv4 or IPv6 address (RFC 8738).
  public static let ip = Self(rawValue: "ip")
}

/// The state of an account (RFC 8555 section 7.1.6).
public struct AccountStatus: ServerWord {
  /// The text of the value.
  public var rawValue: String
  /// Creates the value from any text.
  public init(rawValue: String) { self.rawValue = rawValue }
  /// Active.
  public static let valid = Self(rawValue: "valid")
  /// Deactivated by the client.
  public static let deactivated = Self(rawValue: "deactivated")
  /// Revoked by the CA.
  public static let revoked = Self(rawValue: "revoked")
}

/// The state of an order (RFC 8555 section 7.1.6).
public struct OrderStatus: ServerWord {
  /// The text of the value.
  public var rawValue: String
  /// Creates the value from any text.
  public init(rawValue: String) { self.rawValue = rawValue }
  /// Some names are not validated yet.
  public static let pending = Self(rawValue: "pending")
  /// All names are validated; the CSR may be sent.
  public static let ready = Self(rawValue: "ready")
  /// The CA is issuing the certificate.
  public static let processing = Self(rawValue: "processing")
  /// The certificate can be downloaded.
  public static let valid = Self(rawValue: "valid")
  /// Failed permanently.
  public static let invalid = Self(rawValue: "invalid")
}

/// The state of an authorization (RFC 8555 section 7.1.6).
public struct AuthorizationStatus: ServerWord {
  /// The text of the value.
  public var rawValue: String
  /// Creates the value from any text.
  public init(rawValue: String) { self.rawValue = rawValue }
  /// A challenge needs a response.
  public static let pending = Self(rawValue: "pending")
  /// The name is validated.
  public static let valid = Self(rawValue: "valid")
  /// A challenge failed.
  public static let invalid = Self(rawValue: "invalid")
  /// Deactivated by the client.
  public static let deactivated = Self(rawValue: "deactivated")
  /// Expired.
  public static let expired = Self(rawValue: "expired")
  /// Revoked by the CA.
  public static let revoked = Self(rawValue: "revoked")
}

/// The state of a challenge (RFC 8555 section 7.1.6).
public struct ChallengeStatus: ServerWord {
  /// The text of the value.
  public var rawValue: String
  /// Creates the value from any text.
  public init(rawValue: String) { self.rawValue = rawValue }
  /// Without a response.
  public static let pending = Self(rawValue: "pending")
  /// Under validation.
  public static let processing = Self(rawValue: "processing")
  /// Passed.
  public static let valid = Self(rawValue: "valid")
  /// Failed.
  public static let invalid = Self(rawValue: "invalid")
}

/// The type of a challenge.
public struct ChallengeType: ServerWord {
  /// The text of the value.
  public var rawValue: String
  /// Creates the value from any text.
  public init(rawValue: String) { self.rawValue = rawValue }
  /// A file on port 80 (RFC 8555 section 8.3).
  public static let http01 = Self(rawValue: "http-01")
  /// A TXT record (RFC 8555 section 8.4).
  public static let dns01 = Self(rawValue: "dns-01")
  /// A certificate on port 443 (RFC 8737).
  public static let tlsALPN01 = Self(rawValue: "tls-alpn-01")
  /// A permanent TXT record (draft-ietf-acme-dns-persist).
  public static let dnsPersist01 = Self(rawValue: "dns-persist-01")
  /// A TXT record under an account-specific label (draft-ietf-acme-dns-account-label).
  public static let dnsAccount01 = Self(rawValue: "dns-account-01")
}

/// The reason for a revocation (RFC 5280 section 5.3.1).
public struct RevocationReason: RawRepresentable, Hashable, Sendable, Codable {
  /// The CRL reason code.
  public var rawValue: Int
  /// Creates a reason from its CRL code.
  public init(rawValue: Int) { self.rawValue = rawValue }
  /// No reason given.
  public static let unspecified = Self(rawValue: 0)
  /// The private key is, or may be, compromised.
  public static let keyCompromise = Self(rawValue: 1)
  /// The names belong to another organisation now.
  public static let affiliationChanged = Self(rawValue: 3)
  /// A newer certificate replaces this one.
  public static let superseded = Self(rawValue: 4)
  /// The names are no longer served.
  public static let cessationOfOperation = Self(rawValue: 5)
}
