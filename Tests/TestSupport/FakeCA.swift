public import ACME
public import CertctlBase
public import CertctlCrypto
public import FoundationEssentials
internal import Synchronization

/// An in-process ACME server that replaces the HTTP client.
///
/// It checks what a strict CA checks (signatures, nonces, `url` and `kid`, order states, CSRs, EAB)
/// and issues real certificates. ``configure(_:)`` changes its behaviour,
/// ``inject(_:on:times:skipping:)`` makes single requests fail, ``requests`` logs every request.
public final class FakeCA: HTTPClient {
  /// The CA's behaviour.
  public struct Settings: Sendable {
    /// The scheme and host of every URL.
    public var base = "https://ca.test"
    /// The URL of terms of service that clients must agree to; nil for none.
    public var termsOfService: String?
    /// The HMAC keys for external account binding, by key identifier.
    public var externalAccounts: [String: [UInt8]] = [:]
    /// Whether registration requires an external account binding.
    public var requiresExternalAccount = false
    /// The profiles in the directory: descriptions by name.
    public var profiles: [String: String] = [:]
    /// The optional resources: `renewalInfo`, `keyChange`, `revokeCert`, `newAuthz`.
    public var resources: Set<String> = ["renewalInfo", "keyChange", "revokeCert"]
    /// The challenge types of each name, in this order; dns-persist-01 has no token.
    public var challengeTypes = ["http-01", "dns-01", "tls-alpn-01"]
    /// The challenge types of each wildcard.
    public var wildcardChallengeTypes = ["dns-01"]
    /// Validates a challenge after the client's response; a problem makes it invalid.
    public var validate: (@Sendable (Attempt) async -> Problem?)?
    /// The number of polls that still find an order or authorization `pending` after the response.
    public var validationLooks = 0
    /// Whether finalize returns the order as `valid` immediately.
    public var issuesAtOnce = false
    /// The number of polls that still find the order `processing` after finalize.
    public var issuanceLooks = 0
    /// Whether valid authorizations are reused by later orders of the account.
    public var reusesAuthorizations = false
    /// The Retry-After of unfinished orders.
    public var retryAfter: String?
    /// Whether certificates link to an alternate chain.
    public var hasAlternateChain = false
    /// The validity of certificates, in seconds.
    public var lifetime = 90.0 * 86400
    /// The suggested renewal window; by default two days, from two thirds of the lifetime.
    public var renewalWindow: (start: Date, end: Date)?
    /// The Retry-After of renewal information.
    public var renewalRetryAfter: String? = "21600"
    /// Alters any JSON response before it is sent.
    public var bend: (@Sendable (Kind, inout JSONValue) -> Void)?

    /// Creates the settings of a well-behaved CA.
    public init() {}
  }

  /// A challenge to validate.
  public struct Attempt: Sendable {
    /// The name, with `*.` for a wildcard.
    public var name: String
    /// The challenge's type.
    public var type: String
    /// Its token.
    public var token: String
    /// The expected key authorization.
    public var keyAuthorization: String
  }

  /// The kind of a request.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// The directory.
    case directory
    /// A nonce.
    case newNonce
    /// A registration or account lookup.
    case newAccount
    /// A read, update or deactivation of an account.
    case account
    /// A new order.
    case newOrder
    /// A pre-authorization.
    case newAuthz
    /// A read of an order.
    case order
    /// A read or deactivation of an authorization.
    case authorization
    /// A response to a challenge, or a read of one.
    case challenge
    /// A finalization with a CSR.
    case finalize
    /// A certificate download.
    case certificate
    /// A revocation.
    case revokeCert
    /// A key rollover.
    case keyChange
    /// Renewal information.
    case renewalInfo
    /// Anything else.
    case other
  }

  /// A request as received, whatever its outcome.
  public struct Seen: Sendable {
    /// The kind.
    public var kind: Kind
    /// The method: GET, HEAD or POST.
    public var method: String
    /// The URL.
    public var url: String
    /// The protected header of the JWS; null for other requests.
    public var header: JSONValue
    /// The payload of the JWS; null for POST-as-GET and other requests.
    public var payload: JSONValue
    /// The time of receipt, by the CA's clock.
    public var time: Date
  }

  let now: @Sendable () -> Date
  let authority: TestCA
  let state: Mutex<FakeCAState>

  /// Creates a CA; without a clock it uses the system's time.
  public init(clock: TestClock? = nil, _ settings: Settings = Settings()) throws {
    now = { clock?.now ?? Date() }
    authority = try TestCA(now: now())
    state = Mutex(FakeCAState(settings: settings))
  }

  /// The URL for ``ACMEClient``.
  public var directoryURL: String { state.withLock { $0.settings.base } + "/dir" }

  /// The signing authority, whose roots clients must trust.
  public var testCA: TestCA { authority }

  /// Changes the CA's behaviour from now on.
  public func configure(_ change: (inout Settings) -> Void) {
    state.withLock { change(&$0.settings) }
  }

  /// All requests so far, in order.
  public var requests: [Seen] { state.withLock(\.seen) }

  /// The kinds of all requests so far, in order.
  public var kinds: [Kind] { requests.map(\.kind) }

  /// Returns the number of requests of a kind, or of all kinds.
  public func count(_ kind: Kind? = nil) -> Int {
    requests.count { kind == nil || $0.kind == kind }
  }

  /// Clears the request log.
  public func resetLog() { state.withLock { $0.seen = [] } }

  /// Makes requests of a kind fail: after `skipping` good ones, the next `times`.
  public func inject(_ fault: Fault, on kind: Kind, times: Int = 1, skipping: Int = 0) {
    state.withLock {
      $0.faults.append(.init(fault: fault, kind: kind, skip: skipping, left: times))
    }
  }

  /// Removes all injected faults.
  public func dropFaults() { state.withLock { $0.faults = [] } }

  /// Deletes all accounts, as a restarted test CA does.
  public func forgetAccounts() { state.withLock { $0.accounts = [:] } }

  /// Invalidates all nonces issued so far.
  public func forgetNonces() { state.withLock { $0.nonces = [] } }

  /// The states of all authorizations, by name.
  public var authorizationStates: [String: String] {
    state.withLock { state in
      Dictionary(state.authorizations.values.map { ($0.name, $0.status) }) { _, last in last }
    }
  }

  /// The URLs of all accounts.
  public var accountURLs: [String] { state.withLock { $0.accounts.keys.sorted() } }

  /// Returns the contacts of an account.
  public func contacts(of url: String) -> [String] {
    state.withLock { $0.accounts[url]?.contacts ?? [] }
  }

  /// Returns the revocation reason of a certificate, or nil if it is not revoked.
  public func revocation(of certificate: Certificate) -> Int? {
    state.withLock { $0.revoked[certificate.der] }
  }
}

/// A failure to inject.
public struct Fault: Sendable {
  enum Kind: Sendable {
    case host(HostError.Code, afterProcessing: Bool)
    case answer(HTTPResponse, givesNonce: Bool, afterProcessing: Bool)
  }

  var kind: Kind

  /// The connection breaks before the CA receives the request; the client cannot know that.
  public static let dropBefore = Fault(kind: .host(.transferFailed, afterProcessing: false))
  /// The connection breaks after the CA has processed the request.
  public static let dropAfter = Fault(kind: .host(.transferFailed, afterProcessing: true))
  /// The connection is refused.
  public static let refuseConnection = Fault(kind: .host(.connectFailed, afterProcessing: false))
  /// The TLS handshake fails.
  public static let tlsFailure = Fault(kind: .host(.tlsFailed, afterProcessing: false))
  /// The CA refuses the nonce and returns a fresh one.
  public static let badNonce = problem("badNonce", status: 400, detail: "unknown nonce")

  /// Returns a problem document; by default with a nonce, as ACME servers send it.
  public static func problem(
    _ type: String, status: Int, detail: String = "no", headers: [HTTPField] = [],
    givesNonce: Bool = true, afterProcessing: Bool = false
  ) -> Fault {
    let body: JSONValue = [
      "type": .string("urn:ietf:params:acme:error:" + type), "detail": .string(detail),
      "status": .number(Double(status)),
    ]
    return answer(
      status: status, type: "application/problem+json", body: body.bytes, headers: headers,
      givesNonce: givesNonce, afterProcessing: afterProcessing)
  }

  /// Returns an HTML page without a nonce, as proxies send it.
  public static func html(
    status: Int, _ words: String = "Bad Gateway", headers: [HTTPField] = [],
    afterProcessing: Bool = false
  ) -> Fault {
    let page = "<html><head><title>\(status)</title></head><body><h1>\(words)</h1></body></html>"
    return answer(
      status: status, type: "text/html", body: [UInt8](page.utf8), headers: headers,
      givesNonce: false, afterProcessing: afterProcessing)
  }

  /// Returns an arbitrary response.
  public static func answer(
    status: Int, type: String, body: [UInt8], headers: [HTTPField] = [], givesNonce: Bool = true,
    afterProcessing: Bool = false
  ) -> Fault {
    let fields = [HTTPField(name: "Content-Type", value: type)] + headers
    return Fault(
      kind: .answer(
        HTTPResponse(status: status, headers: fields, body: body), givesNonce: givesNonce,
        afterProcessing: afterProcessing))
  }
}
