public import FoundationEssentials

/// The properties of a new order.
public struct NewOrder: Sendable {
  /// The names, without duplicates.
  public var identifiers: [Identifier]
  /// The profile; `nil` for the CA's default (draft-ietf-acme-profiles).
  public var profile: String?
  /// The requested start of the certificate's validity; few CAs support it.
  public var notBefore: Date?
  /// The requested end of the certificate's validity; few CAs support it.
  public var notAfter: Date?
  /// The certificate that the new one replaces (RFC 9773 section 5).
  ///
  /// This CA must have issued it to this account.
  public var replaces: CertificateID?

  /// Creates the properties of a new order.
  public init(
    _ identifiers: [Identifier], profile: String? = nil, notBefore: Date? = nil,
    notAfter: Date? = nil, replaces: CertificateID? = nil
  ) {
    self.identifiers = identifiers
    self.profile = profile
    self.notBefore = notBefore
    self.notAfter = notAfter
    self.replaces = replaces
  }
}

/// An order (RFC 8555 section 7.1.3).
///
/// It can be encoded, so that a later run can resume it.
public struct Order: Sendable, Equatable, Codable {
  /// The URL of the order.
  public var url: String
  /// The state of the order.
  public var status: OrderStatus
  /// The time when the order expires.
  public var expires: Date?
  /// The names.
  public var identifiers: [Identifier]
  /// The URLs of the authorizations.
  public var authorizations: [String]
  /// The URL for the CSR.
  public var finalize: String
  /// The URL of the certificate, once the order is valid.
  public var certificate: String?
  /// The profile, if the CA returns it; it may differ from the requested one.
  public var profile: String?
  /// The replaced certificate, if the CA returns it.
  public var replaces: String?
  /// The problem of a failed order.
  public var error: Problem?
  /// The earliest time to read the order again, if the CA sent a Retry-After.
  public var retryAfter: Date?

  /// The first five names and the number of further ones, for errors and logs.
  public var names: String {
    let shown = identifiers.prefix(5).map(\.value).joined(separator: ", ")
    return identifiers.count > 5 ? shown + " and \(identifiers.count - 5) more" : shown
  }
}

/// The JSON document of an order.
struct OrderDocument: Decodable {
  var status: OrderStatus
  var expires: Date?
  var identifiers: [Identifier]
  var authorizations: [String]
  var finalize: String
  var certificate: String?
  var profile: String?
  var replaces: String?
  var error: Problem?

  private enum Keys: String, CodingKey {
    case status, expires, identifiers, authorizations, finalize, certificate, profile, replaces
    case error
  }

  init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Keys.self)
    status = try fields.decode(OrderStatus.self, forKey: .status)
    expires = fields.lenientTime(.expires)
    identifiers = fields.lenientList(.identifiers)
    authorizations = fields.lenientList(.authorizations)
    finalize = fields.lenient(.finalize) ?? ""
    certificate = fields.lenient(.certificate)
    profile = fields.lenient(.profile)
    replaces = fields.lenient(.replaces)
    error = fields.lenient(.error)
  }

  func order(at url: String, retryAfter: Date?) -> Order {
    Order(
      url: url, status: status, expires: expires, identifiers: identifiers,
      authorizations: authorizations, finalize: finalize, certificate: certificate,
      profile: profile, replaces: replaces, error: error, retryAfter: retryAfter)
  }
}
