/// The properties of a new account.
public struct NewAccount: Sendable {
  /// The contacts: URLs such as "mailto:admin@example.com", or bare e-mail addresses.
  public var contacts: [String]
  /// Whether the owner agrees to the CA's terms of service.
  public var termsOfServiceAgreed: Bool
  /// The key for external account binding, for CAs that require it.
  public var externalAccount: ExternalAccount?

  /// Creates the properties of a new account.
  public init(
    contacts: [String] = [], termsOfServiceAgreed: Bool, externalAccount: ExternalAccount? = nil
  ) {
    self.contacts = contacts
    self.termsOfServiceAgreed = termsOfServiceAgreed
    self.externalAccount = externalAccount
  }

  /// Returns the contacts as URLs; checks e-mail addresses (RFC 8555 section 7.3).
  static func contactURLs(_ contacts: [String]) throws(ACMEError) -> [String] {
    var urls: [String] = []
    for contact in contacts {
      let text = contact.trimmed
      let isURL = text.contains(":")
      let url = isURL ? text : "mailto:" + text
      let address = url.dropFirst("mailto:".count)
      let isMail = url.hasPrefix("mailto:")
      let parts = address.split(separator: "@", omittingEmptySubsequences: false)
      let isGood =
        !isMail
        || (parts.count == 2 && parts.allSatisfy { !$0.isEmpty }
          && !address.contains { $0 == "," || $0 == "?" || $0.isWhitespace })
      guard isGood else {
        throw ACMEError(
          .badRequest, "use the contact", subject: "\"" + text.shortened(to: 300) + "\"",
          detail: "not a single e-mail address",
          hint: "use one address per contact, such as admin@example.com")
      }
      urls.append(url)
    }
    return urls
  }
}

/// An account as returned by the CA (RFC 8555 section 7.1.2).
public struct AccountResource: Sendable, Equatable, Decodable {
  /// The state of the account.
  public var status: AccountStatus
  /// The contacts; many CAs store or return none.
  public var contacts: [String]
  /// Whether the terms of service have been agreed to, if the CA returns it.
  public var termsOfServiceAgreed: Bool?
  /// The URL of the list of orders, if the CA has one.
  public var orders: String?

  private enum Keys: String, CodingKey { case status, contact, termsOfServiceAgreed, orders }

  /// Decodes an account; accepts `contact: null` and missing fields.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Keys.self)
    // Without a status, the response itself shows that the account exists.
    status = fields.lenient(.status) ?? .valid
    contacts = fields.lenientList(.contact)
    termsOfServiceAgreed = fields.lenient(.termsOfServiceAgreed)
    orders = fields.lenient(.orders)
  }
}
