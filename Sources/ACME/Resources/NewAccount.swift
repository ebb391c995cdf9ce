/// What a new account is to be like.
public struct NewAccount: Sendable {
  /// Contact URLs, "mailto:admin@example.com"; a bare e-mail address is taken as one.
  public var contacts: [String]
  /// Whether the owner agrees to the CA's terms of service.
  public var termsOfServiceAgreed: Bool
  /// The customer's key, for CAs that ask for one.
  public var externalAccount: ExternalAccount?

  /// Describes a new account.
  public init(
    contacts: [String] = [], termsOfServiceAgreed: Bool, externalAccount: ExternalAccount? = nil
  ) {
    self.contacts = contacts
    self.termsOfServiceAgreed = termsOfServiceAgreed
    self.externalAccount = externalAccount
  }

  /// Contacts as URLs, checked by the rules of RFC 8555 section 7.3 that we can check.
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
          detail: "it is not one e-mail address",
          hint: "Give one address per contact, such as admin@example.com.")
      }
      urls.append(url)
    }
    return urls
  }
}

/// An account as the CA knows it (RFC 8555 section 7.1.2).
public struct AccountResource: Sendable, Equatable, Decodable {
  /// Its state.
  public var status: AccountStatus
  /// The contacts that the CA tells; many CAs keep or tell none.
  public var contacts: [String]
  /// Whether the terms have been agreed to, when the CA tells.
  public var termsOfServiceAgreed: Bool?
  /// Where the list of its orders is, when the CA has one.
  public var orders: String?

  private enum Keys: String, CodingKey { case status, contact, termsOfServiceAgreed, orders }

  /// Reads an account; `contact: null` and missing fields are fine.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Keys.self)
    // A CA that leaves the status out has at least answered for an account.
    status = fields.lenient(.status) ?? .valid
    contacts = fields.lenientList(.contact)
    termsOfServiceAgreed = fields.lenient(.termsOfServiceAgreed)
    orders = fields.lenient(.orders)
  }
}
