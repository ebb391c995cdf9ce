public import FoundationEssentials

/// What a certificate is ordered for.
public struct NewOrder: Sendable {
  /// The names, each once.
  public var identifiers: [Identifier]
  /// The profile, when not the CA's default (draft-ietf-acme-profiles).
  public var profile: String?
  /// When the certificate is to begin; few CAs allow it.
  public var notBefore: Date?
  /// When it is to end; few CAs allow it.
  public var notAfter: Date?
  /// The certificate that the new one replaces (RFC 9773 section 5).
  ///
  /// Only for a certificate that this CA issued to this account.
  public var replaces: CertificateID?

  /// Describes an order.
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
/// It can be coded, so that a later run can go on with it.
public struct Order: Sendable, Equatable, Codable {
  /// Where it is.
  public var url: String
  /// How far it is.
  public var status: OrderStatus
  /// Until when it lasts.
  public var expires: Date?
  /// The names.
  public var identifiers: [Identifier]
  /// The URLs of the authorizations.
  public var authorizations: [String]
  /// Where the CSR goes.
  public var finalize: String
  /// Where the certificate is, once the order is valid.
  public var certificate: String?
  /// The profile in use, when the CA tells; it may differ from what was asked for.
  public var profile: String?
  /// The certificate that is replaced, when the CA tells.
  public var replaces: String?
  /// Why it failed.
  public var error: Problem?
  /// The earliest moment for the next look at the order, when the CA named one.
  public var retryAfter: Date?

  /// The names as one text, for errors and logs.
  public var names: String {
    let shown = identifiers.prefix(5).map(\.value).joined(separator: ", ")
    return identifiers.count > 5 ? shown + " and \(identifiers.count - 5) more" : shown
  }
}

/// The order as it is on the wire.
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
