public import ACME
public import CertctlBase
public import CertctlCrypto
public import FoundationEssentials
internal import Synchronization

/// An ACME server in this process, played behind the role of the HTTP client.
///
/// It checks what a strict CA checks (signatures, nonces, `url` and `kid`, order states, CSRs, EAB)
/// and issues real certificates. ``configure(_:)`` changes how it behaves, ``inject(_:on:times:skipping:)``
/// makes single requests go wrong, ``requests`` tells what it was asked.
public final class FakeCA: HTTPClient {
  /// How the CA behaves.
  public struct Settings: Sendable {
    /// Scheme and host of every URL.
    public var base = "https://ca.test"
    /// Terms that must be agreed to.
    public var termsOfService: String?
    /// The customers' HMAC keys by their key identifier.
    public var externalAccounts: [String: [UInt8]] = [:]
    /// Whether an account needs one of them.
    public var requiresExternalAccount = false
    /// The profiles in the directory.
    public var profiles: [String: String] = [:]
    /// Whether the directory has `renewalInfo`, `keyChange`, `revokeCert`, `newAuthz`.
    public var resources: Set<String> = ["renewalInfo", "keyChange", "revokeCert"]
    /// The challenges of each name, in this order; dns-persist-01 has no token.
    public var challengeTypes = ["http-01", "dns-01", "tls-alpn-01"]
    /// The challenges of each wildcard.
    public var wildcardChallengeTypes = ["dns-01"]
    /// Judges a challenge when it has been answered: a problem makes it invalid.
    public var validate: (@Sendable (Attempt) async -> Problem?)?
    /// How many looks at an order or authorization still find it `pending` after the answer.
    public var validationLooks = 0
    /// Whether finalize answers `valid` at once.
    public var issuesAtOnce = false
    /// How many looks at the order still find it `processing` after finalize.
    public var issuanceLooks = 0
    /// Whether a name that the account has proved stays valid for its next orders.
    public var reusesAuthorizations = false
    /// The Retry-After of orders that are not finished.
    public var retryAfter: String?
    /// Whether certificates come with a link to a second chain.
    public var hasAlternateChain = false
    /// How long certificates last, in seconds.
    public var lifetime = 90.0 * 86400
    /// What renewal information says; by default the last third of the lifetime from now on.
    public var renewalWindow: (start: Date, end: Date)?
    /// The Retry-After of renewal information.
    public var renewalRetryAfter: String? = "21600"
    /// A chance for tests to bend any JSON answer before it is sent.
    public var bend: (@Sendable (Kind, inout JSONValue) -> Void)?

    /// A CA that behaves well.
    public init() {}
  }

  /// A challenge that is to be judged.
  public struct Attempt: Sendable {
    /// The name, with the star of a wildcard.
    public var name: String
    /// The challenge's type.
    public var type: String
    /// Its token.
    public var token: String
    /// The key authorization that must be found.
    public var keyAuthorization: String
  }

  /// What a request was about.
  public enum Kind: String, Sendable, Hashable, CaseIterable {
    /// The directory.
    case directory
    /// A nonce.
    case newNonce
    /// A new account, or the search for one.
    case newAccount
    /// An account.
    case account
    /// A new order.
    case newOrder
    /// An authorization without an order.
    case newAuthz
    /// A look at an order.
    case order
    /// A look at an authorization, or its deactivation.
    case authorization
    /// A challenge, answered or read.
    case challenge
    /// A CSR.
    case finalize
    /// A download.
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

  /// A request as it came, whatever became of it.
  public struct Seen: Sendable {
    /// What it was about.
    public var kind: Kind
    /// GET, HEAD or POST.
    public var method: String
    /// The URL.
    public var url: String
    /// The JWS's protected header; null for other requests.
    public var header: JSONValue
    /// The JWS's payload; null for POST-as-GET and other requests.
    public var payload: JSONValue
    /// When it came, by the CA's clock.
    public var time: Date
  }

  let now: @Sendable () -> Date
  let authority: TestCA
  let state: Mutex<FakeCAState>

  /// Starts a CA.
  public init(clock: TestClock? = nil, _ settings: Settings = Settings()) throws {
    now = { clock?.now ?? Date() }
    authority = try TestCA(now: now())
    state = Mutex(FakeCAState(settings: settings))
  }

  /// The URL for ``ACMEClient``.
  public var directoryURL: String { state.withLock { $0.settings.base } + "/dir" }

  /// The authority that signs: its roots are what to trust.
  public var testCA: TestCA { authority }

  /// Changes how the CA behaves from now on.
  public func configure(_ change: (inout Settings) -> Void) {
    state.withLock { change(&$0.settings) }
  }

  /// Every request so far, in order.
  public var requests: [Seen] { state.withLock(\.seen) }

  /// What the requests so far were about, in order.
  public var kinds: [Kind] { requests.map(\.kind) }

  /// How many requests of a kind there were, or how many in all.
  public func count(_ kind: Kind? = nil) -> Int {
    requests.count { kind == nil || $0.kind == kind }
  }

  /// Forgets the requests so far.
  public func resetLog() { state.withLock { $0.seen = [] } }

  /// Makes requests of a kind go wrong: after `skipping` good ones, the next `times`.
  public func inject(_ fault: Fault, on kind: Kind, times: Int = 1, skipping: Int = 0) {
    state.withLock {
      $0.faults.append(.init(fault: fault, kind: kind, skip: skipping, left: times))
    }
  }

  /// Makes nothing go wrong any more.
  public func dropFaults() { state.withLock { $0.faults = [] } }

  /// Forgets an account, as a test CA does that was started anew.
  public func forgetAccounts() { state.withLock { $0.accounts = [:] } }

  /// Makes every nonce that was given so far worthless.
  public func forgetNonces() { state.withLock { $0.nonces = [] } }

  /// The states of all authorizations, by name.
  public var authorizationStates: [String: String] {
    state.withLock { state in
      Dictionary(state.authorizations.values.map { ($0.name, $0.status) }) { _, last in last }
    }
  }

  /// The URLs of all accounts.
  public var accountURLs: [String] { state.withLock { $0.accounts.keys.sorted() } }

  /// The contacts of an account.
  public func contacts(of url: String) -> [String] {
    state.withLock { $0.accounts[url]?.contacts ?? [] }
  }

  /// Whether a certificate has been revoked, and why.
  public func revocation(of certificate: Certificate) -> Int? {
    state.withLock { $0.revoked[certificate.der] }
  }
}

/// One thing that goes wrong.
public struct Fault: Sendable {
  enum Kind: Sendable {
    case host(HostError.Code, afterProcessing: Bool)
    case answer(HTTPResponse, givesNonce: Bool, afterProcessing: Bool)
  }

  var kind: Kind

  /// The connection breaks before the CA has seen the request, but the client cannot know.
  public static let dropBefore = Fault(kind: .host(.transferFailed, afterProcessing: false))
  /// The connection breaks after the CA has done what it was asked.
  public static let dropAfter = Fault(kind: .host(.transferFailed, afterProcessing: true))
  /// There is no connection at all.
  public static let refuseConnection = Fault(kind: .host(.connectFailed, afterProcessing: false))
  /// TLS fails.
  public static let tlsFailure = Fault(kind: .host(.tlsFailed, afterProcessing: false))
  /// The nonce is refused; a fresh one comes along.
  public static let badNonce = problem("badNonce", status: 400, detail: "unknown nonce")

  /// A problem document; by default with a nonce, as ACME servers send it.
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

  /// A page of HTML, as proxies send it: without a nonce.
  public static func html(
    status: Int, _ words: String = "Bad Gateway", headers: [HTTPField] = [],
    afterProcessing: Bool = false
  ) -> Fault {
    let page = "<html><head><title>\(status)</title></head><body><h1>\(words)</h1></body></html>"
    return answer(
      status: status, type: "text/html", body: [UInt8](page.utf8), headers: headers,
      givesNonce: false, afterProcessing: afterProcessing)
  }

  /// Any answer.
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
