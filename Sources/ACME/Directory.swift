/// A CA's directory (RFC 8555 section 7.1.1): where its resources are and what it offers.
///
/// Coded exactly as the CA sends it, so that a cached copy is a plain ACME directory.
public struct Directory: Sendable, Equatable, Codable {
  /// Gives nonces.
  public var newNonce: String
  /// Makes and finds accounts.
  public var newAccount: String
  /// Takes orders.
  public var newOrder: String
  /// Takes authorizations ahead of an order; few CAs have it.
  public var newAuthz: String?
  /// Revokes certificates.
  public var revokeCert: String?
  /// Changes account keys; some CAs have none.
  public var keyChange: String?
  /// Says when to renew (RFC 9773).
  public var renewalInfo: String?
  /// The terms of service.
  public var termsOfService: String?
  /// A page about the CA.
  public var website: String?
  /// The names by which CAA records allow this CA.
  public var caaIdentities: [String]
  /// Whether an account needs an external account binding.
  public var externalAccountRequired: Bool
  /// The profiles on offer, with a description or a URL each (draft-ietf-acme-profiles).
  public var profiles: [String: String]

  /// Makes a directory, mainly for tests.
  public init(newNonce: String, newAccount: String, newOrder: String) {
    self.newNonce = newNonce
    self.newAccount = newAccount
    self.newOrder = newOrder
    caaIdentities = []
    externalAccountRequired = false
    profiles = [:]
  }

  private enum Keys: String, CodingKey {
    case newNonce, newAccount, newOrder, newAuthz, revokeCert, keyChange, renewalInfo, meta
  }

  private enum MetaKeys: String, CodingKey {
    case termsOfService, website, caaIdentities, externalAccountRequired, profiles
  }

  /// Reads a directory; only the three URLs that nothing works without are needed.
  public init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: Keys.self)
    self.init(
      newNonce: try fields.decode(String.self, forKey: .newNonce),
      newAccount: try fields.decode(String.self, forKey: .newAccount),
      newOrder: try fields.decode(String.self, forKey: .newOrder))
    newAuthz = fields.lenient(.newAuthz)
    revokeCert = fields.lenient(.revokeCert)
    keyChange = fields.lenient(.keyChange)
    renewalInfo = fields.lenient(.renewalInfo)
    guard let meta = try? fields.nestedContainer(keyedBy: MetaKeys.self, forKey: .meta) else {
      return
    }
    termsOfService = meta.lenient(.termsOfService)
    website = meta.lenient(.website)
    caaIdentities = meta.lenientList(.caaIdentities)
    externalAccountRequired = meta.lenient(.externalAccountRequired) ?? false
    profiles = (meta.lenient(.profiles, as: [String: Lossy<String>].self) ?? [:])
      .compactMapValues { $0.value ?? "" }
  }

  /// Writes the directory as a CA would.
  public func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: Keys.self)
    try fields.encode(newNonce, forKey: .newNonce)
    try fields.encode(newAccount, forKey: .newAccount)
    try fields.encode(newOrder, forKey: .newOrder)
    try fields.encodeIfPresent(newAuthz, forKey: .newAuthz)
    try fields.encodeIfPresent(revokeCert, forKey: .revokeCert)
    try fields.encodeIfPresent(keyChange, forKey: .keyChange)
    try fields.encodeIfPresent(renewalInfo, forKey: .renewalInfo)
    var meta = fields.nestedContainer(keyedBy: MetaKeys.self, forKey: .meta)
    try meta.encodeIfPresent(termsOfService, forKey: .termsOfService)
    try meta.encodeIfPresent(website, forKey: .website)
    if !caaIdentities.isEmpty { try meta.encode(caaIdentities, forKey: .caaIdentities) }
    if externalAccountRequired { try meta.encode(true, forKey: .externalAccountRequired) }
    if !profiles.isEmpty { try meta.encode(profiles, forKey: .profiles) }
  }
}

/// Keeps directories between runs, so that an issuance need not ask for one.
///
/// How long a copy is good for is the implementation's decision; a day is usual. Without a cache
/// a client keeps the directory for as long as it lives.
public protocol DirectoryCache: Sendable {
  /// The copy for a directory URL, if there is one that is still fresh.
  func directory(for url: String) async -> Directory?
  /// Keeps a copy.
  func store(_ directory: Directory, for url: String) async
}
