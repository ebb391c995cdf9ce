/// A CA's directory (RFC 8555 section 7.1.1): the URLs of its resources and its metadata.
///
/// It is encoded in the CA's format, so a cached copy is a plain ACME directory.
public struct Directory: Sendable, Equatable, Codable {
  /// The URL for nonces.
  public var newNonce: String
  /// The URL for registering and finding accounts.
  public var newAccount: String
  /// The URL for new orders.
  public var newOrder: String
  /// The URL for authorizations without an order; few CAs have it.
  public var newAuthz: String?
  /// The URL for revocations.
  public var revokeCert: String?
  /// The URL for changing account keys; some CAs have none.
  public var keyChange: String?
  /// The URL for renewal information (RFC 9773).
  public var renewalInfo: String?
  /// The URL of the terms of service.
  public var termsOfService: String?
  /// The URL of the CA's website.
  public var website: String?
  /// The names of this CA in CAA records.
  public var caaIdentities: [String]
  /// Whether an account requires an external account binding.
  public var externalAccountRequired: Bool
  /// The profiles, each with a description or a URL (draft-ietf-acme-profiles).
  public var profiles: [String: String]

  /// Creates a directory, mainly for tests.
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

  /// Decodes a directory; only `newNonce`, `newAccount` and `newOrder` are required.
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

  /// Encodes the directory in the CA's format.
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

/// A cache for directories, which saves one request per run.
///
/// The implementation decides how long a copy is fresh; one day is usual. Without a cache, a client
/// keeps the directory for its own lifetime.
public protocol DirectoryCache: Sendable {
  /// Returns the copy for a directory URL, if it is fresh.
  func directory(for url: String) async -> Directory?
  /// Stores a copy.
  func store(_ directory: Directory, for url: String) async
}
