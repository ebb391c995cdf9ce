public import CertctlBase
public import CertctlCrypto
internal import FoundationEssentials
public import Logging
internal import Synchronization

/// One CA, as a client sees it: its directory, its nonces and the requests that need no account.
///
/// Make one per CA and keep it: nonces and the directory are shared by everything that goes
/// through it. All methods may be called in parallel.
///
/// Every method throws ``ACMEError``, or `CancellationError` when the task was cancelled.
public final class ACMEClient: Sendable {
  /// The directory URL, as it was given.
  public let directoryURL: String

  let http: any HTTPClient
  let cache: (any DirectoryCache)?
  let clock: WallClock
  let policy: RetryPolicy
  let logger: Logger
  let nonces = NoncePool()
  let known = Mutex<KnownDirectory?>(nil)

  /// Describes a CA; sends nothing.
  ///
  /// - Parameters:
  ///   - directoryURL: https, or http when the host is this machine; checked at the first request.
  ///   - http: Sends the requests; `CurlHTTPClient` unless in a test.
  ///   - cache: Keeps the directory between runs and spares one request in each.
  ///   - policy: How often and how long temporary failures are sat out.
  ///   - clock: The time and the wait.
  ///   - logger: Gets one line per request at level debug; silent by default.
  public init(
    directoryURL: String, http: any HTTPClient, cache: (any DirectoryCache)? = nil,
    policy: RetryPolicy = RetryPolicy(), clock: WallClock = .system,
    logger: Logger = Logger(label: "acme") { _ in SwiftLogNoOpLogHandler() }
  ) {
    self.directoryURL = directoryURL
    self.http = http
    self.cache = cache
    self.policy = policy
    self.clock = clock
    self.logger = logger
  }

  /// The account of a URL and its key, as an earlier run kept them; sends nothing.
  public func account(url: String, key: PrivateKey) -> Account {
    Account(url: url, key: key, client: self)
  }

  /// Registers an account, or finds the one that the key has already.
  ///
  /// Registering twice with one key gives the same account, so a crash between the request and
  /// the note of its URL costs nothing. Without agreement to terms that the CA has, or without the
  /// customer's key that it wants, nothing is registered: an existing account is still found.
  public func register(key: PrivateKey, _ request: NewAccount) async throws -> Account {
    let operation = "register an account at"
    let contacts = try NewAccount.contactURLs(request.contacts)
    if let refusal = Self.refusal(request, try await directory(), operation, directoryURL) {
      if let account = try await findAccount(key: key) { return account }
      throw refusal
    }
    return try await withDirectory { directory in
      let payload = try Self.payload(request, contacts, key, at: directory.newAccount)
      return try await newAccount(payload, key: key, operation: operation, in: directory)
    }
  }

  /// The account that a key has at this CA; `nil` when it has none (RFC 8555 section 7.3.1).
  public func findAccount(key: PrivateKey) async throws -> Account? {
    do {
      return try await withDirectory { directory in
        try await newAccount(
          #"{"onlyReturnExisting":true}"#, key: key, operation: "look up the account at",
          in: directory)
      }
    } catch let error as ACMEError where error.code == .accountDoesNotExist {
      return nil
    }
  }

  private static func payload(
    _ request: NewAccount, _ contacts: [String], _ key: PrivateKey, at url: String
  ) throws(ACMEError) -> String {
    var fields: [String] = []
    if let external = request.externalAccount {
      let binding = try JWS.externalBinding(external, jwk: KeyUse.jwk(key.publicKey), url: url)
      fields.append(#""externalAccountBinding":"# + String(decoding: binding, as: UTF8.self))
    }
    if !contacts.isEmpty {
      fields.append(#""contact":["# + contacts.map(JSON.quote).joined(separator: ",") + "]")
    }
    if request.termsOfServiceAgreed { fields.append(#""termsOfServiceAgreed":true"#) }
    return "{" + fields.joined(separator: ",") + "}"
  }

  private func newAccount(
    _ payload: String, key: PrivateKey, operation: String, in directory: Directory
  ) async throws -> Account {
    let task = RequestContext(operation, directoryURL)
    let response = try await post(
      [UInt8](payload.utf8), to: directory.newAccount, by: Signer(key: key), task)
    let url = try location(of: response, task)
    let resource = JSON.decode(AccountResource.self, from: response.body)
    if let status = resource?.status, [.deactivated, .revoked].contains(status) {
      throw ACMEError(
        .accountDoesNotExist, operation, subject: directoryURL,
        detail: "the account of this key is \(status)", hint: "Register with a new key.")
    }
    return account(url: url, key: key)
  }

  private static func refusal(
    _ request: NewAccount, _ directory: Directory, _ operation: String, _ url: String
  ) -> ACMEError? {
    if let terms = directory.termsOfService, !request.termsOfServiceAgreed {
      return ACMEError(
        .termsNotAgreed, operation, subject: url,
        detail: "the CA's terms of service have not been agreed to",
        hint: "Read \(terms.shortened(to: 500)) and agree to it.")
    }
    guard directory.externalAccountRequired, request.externalAccount == nil else { return nil }
    return ACMEError(
      .externalAccountRequired, operation, subject: url,
      detail: "the CA only serves its customers",
      hint: ProblemType.externalAccountRequired.hint)
  }
}
