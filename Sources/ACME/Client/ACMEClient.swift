public import CertctlBase
public import CertctlCrypto
internal import FoundationEssentials
public import Logging
internal import Synchronization

/// The client for one CA: its directory, its nonces and the requests that need no account.
///
/// Create one client per CA and keep it, because its requests share the directory and the nonces.
/// All methods may be called concurrently.
///
/// Every method throws ``ACMEError``, or `CancellationError` if the task was cancelled.
public final class ACMEClient: Sendable {
  /// The directory URL, as passed to the initializer.
  public let directoryURL: String

  let http: any HTTPClient
  let cache: (any DirectoryCache)?
  let clock: WallClock
  let policy: RetryPolicy
  let logger: Logger
  let nonces = NoncePool()
  let known = Mutex<KnownDirectory?>(nil)

  /// Creates a client; sends nothing.
  ///
  /// - Parameters:
  ///   - directoryURL: An https URL, or http to this machine; checked at the first request.
  ///   - http: The client that sends the requests, such as `CurlHTTPClient`.
  ///   - cache: The cache of the directory; it saves one request per run.
  ///   - policy: The limits for retries after temporary failures.
  ///   - clock: The clock for times and delays.
  ///   - logger: The logger, with one line per request at level debug; silent by default.
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

  /// Returns the account with a known URL and key; sends nothing.
  public func account(url: String, key: PrivateKey) -> Account {
    Account(url: url, key: key, client: self)
  }

  /// Registers an account, or returns the existing account of the key.
  ///
  /// Registering a key twice returns the same account, so a crash before the caller has stored its
  /// URL does no harm. If the request lacks the agreement to the CA's terms of service or an
  /// external account that the CA requires, only an existing account is returned.
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

  /// Returns the account of a key at this CA; `nil` if there is none (RFC 8555 section 7.3.1).
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
        detail: "the account of this key is \(status)", hint: "register with a new key")
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
        hint: "read and agree to \(terms.shortened(to: 500))")
    }
    guard directory.externalAccountRequired, request.externalAccount == nil else { return nil }
    return ACMEError(
      .externalAccountRequired, operation, subject: url,
      detail: "the CA requires external account binding",
      hint: ProblemType.externalAccountRequired.hint)
  }
}
