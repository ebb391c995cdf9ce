import ACME
package import CertctlBase
package import CertctlCore
import FoundationEssentials

/// A client for the HTTP API of a DNS service; it repeats requests that the service defers.
///
/// Responses are not trusted: their text is shortened and stripped of secrets before display.
package struct VendorAPI: Sendable {
  /// The maximum number of attempts of a request that the service rejects temporarily.
  static let attempts = 6
  /// The maximum pause that a service can request, in seconds.
  static let longestPause = 60

  let title: String
  let base: String
  let headers: [HTTPField]
  let http: any HTTPClient
  let clock: WallClock
  private(set) var secrets: [String]
  let credentials: [String]
  private var later: @Sendable (HTTPResponse) -> Bool = { _ in false }
  private var authorize: Authorize?

  /// Returns the header fields that authorize a request; called for each attempt.
  package typealias Authorize = @Sendable (HTTPRequest) async throws -> [HTTPField]

  /// Creates a client.
  init(
    title: String, base: String, headers: [HTTPField], http: any HTTPClient, clock: WallClock,
    secrets: [String], credentials: [String]
  ) {
    self.title = title
    self.base = base
    self.headers = headers
    self.http = http
    self.clock = clock
    self.secrets = secrets
    self.credentials = credentials
  }

  /// Returns a copy that signs its requests, or adds a token to them.
  ///
  /// - Parameter authorize: Returns the header fields; called for each attempt.
  /// - Returns: The client.
  package func authorized(by authorize: @escaping Authorize) -> VendorAPI {
    var api = self
    api.authorize = authorize
    return api
  }

  /// Returns a copy that also repeats requests after these statuses, not only after 429 and 503.
  ///
  /// - Parameter statuses: The statuses, such as 409 while another change is in progress.
  /// - Returns: The client.
  package func repeating(_ statuses: Set<Int>) -> VendorAPI {
    repeating { statuses.contains($0.status) }
  }

  /// Returns a copy that also repeats requests after such responses, not only after 429 and 503.
  ///
  /// - Parameter isLater: Whether a response means that nothing was done and a retry can succeed.
  /// - Returns: The client.
  package func repeating(
    where isLater: @escaping @Sendable (HTTPResponse) -> Bool
  ) -> VendorAPI {
    var api = self
    api.later = isLater
    return api
  }

  /// Sends a request, with or without a body.
  ///
  /// - Parameters:
  ///   - method: The method.
  ///   - path: The percent-encoded path below the base, or an absolute URL.
  ///   - what: The action for error messages, after "cannot": "list the zones".
  ///   - query: The names and values of the query, not encoded.
  ///   - headers: Additional header fields.
  ///   - body: The body.
  ///   - accepting: The statuses besides 200 to 299 that are not errors.
  /// - Returns: The response.
  /// - Throws: `CertctlError` with code `challengeFailed`, `CancellationError`.
  package func send(
    _ method: HTTPRequest.Method, _ path: String, to what: String,
    query: [(String, String)] = [], headers: [HTTPField] = [], body: [UInt8]? = nil,
    accepting: Set<Int> = []
  ) async throws -> VendorAnswer {
    let url = (path.hasPrefix("https://") || path.hasPrefix("http://") ? path : base + path)
    let request = HTTPRequest(
      method, url + Self.queryText(query, after: url), headers: self.headers + headers, body: body)
    for attempt in 1... {
      var signed = request
      if let authorize { signed.headers += try await authorize(request) }
      let response = try await response(to: signed, what)
      let api = hiding(signed)
      if (200...299).contains(response.status) || accepting.contains(response.status) {
        return VendorAnswer(response: response, what: what, api: api)
      }
      guard attempt < Self.attempts, mayRepeat(request, response) else {
        throw api.refusal(response, what)
      }
      try await clock.sleep(Self.pause(response, attempt, now: clock.now()))
    }
    throw CancellationError()
  }

  /// Sends a request with a JSON body.
  ///
  /// - Parameters:
  ///   - method: The method.
  ///   - path: The path below the base.
  ///   - what: The action for error messages.
  ///   - query: The names and values of the query, not encoded.
  ///   - headers: Additional header fields.
  ///   - json: The body.
  ///   - accepting: The statuses besides 200 to 299 that are not errors.
  /// - Returns: The response.
  /// - Throws: `CertctlError` with code `challengeFailed`, `CancellationError`.
  package func send(
    _ method: HTTPRequest.Method, _ path: String, to what: String, query: [(String, String)] = [],
    headers: [HTTPField] = [], json: some Encodable, accepting: Set<Int> = []
  ) async throws -> VendorAnswer {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try await send(
      method, path, to: what, query: query,
      headers: headers + [HTTPField(name: "Content-Type", value: "application/json")],
      body: [UInt8](try encoder.encode(json)), accepting: accepting)
  }

  /// Sends a POST request with a URL-encoded form as its body.
  ///
  /// - Parameters:
  ///   - path: The path below the base.
  ///   - what: The action for error messages.
  ///   - form: The fields, not encoded.
  ///   - headers: Additional header fields.
  ///   - accepting: The statuses besides 200 to 299 that are not errors.
  /// - Returns: The response.
  /// - Throws: `CertctlError` with code `challengeFailed`, `CancellationError`.
  package func post(
    _ path: String, to what: String, form: [(String, String)], headers: [HTTPField] = [],
    accepting: Set<Int> = []
  ) async throws -> VendorAnswer {
    try await send(
      .post, path, to: what,
      headers: headers + [
        HTTPField(name: "Content-Type", value: "application/x-www-form-urlencoded")
      ], body: Array(Self.formText(form).utf8), accepting: accepting)
  }

  /// Returns the error about a response that reports a failure in its body, not in its status.
  ///
  /// - Parameters:
  ///   - what: The action, after "cannot".
  ///   - detail: The cause, such as the message of the service.
  ///   - isRetryable: Whether a retry can succeed.
  ///   - hint: The hint, if any.
  /// - Returns: The error.
  package func failure(
    _ what: String, _ detail: String, isRetryable: Bool = false, hint: String? = nil
  ) -> CertctlError {
    CertctlError(
      .challengeFailed, "cannot \(what) at \(title): \(safe(detail))", hint: hint,
      isRetryable: isRetryable)
  }

  /// Returns the error about a zone that does not exist at the service, or in the account there.
  ///
  /// - Parameters:
  ///   - zone: The zone.
  ///   - remedy: The second suggestion of the hint; by default, to use another account.
  /// - Returns: The error.
  package func noZone(_ zone: String, or remedy: String? = nil) -> CertctlError {
    CertctlError(
      .challengeFailed, "this account at \(title) has no zone \(zone)",
      hint: "use --dns with the provider that hosts \(zone), or "
        + (remedy ?? "use the credentials of the account that owns it"))
  }

  // MARK: - Text

  /// Percent-encodes everything but letters, digits and `-._~` (RFC 3986, section 2.3).
  package static func encoded(_ text: String) -> String {
    let digits = [Character]("0123456789ABCDEF")
    var result = ""
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "_"), UInt8(ascii: "~"):
        result.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        result.append("%")
        result.append(digits[Int(byte >> 4)])
        result.append(digits[Int(byte & 15)])
      }
    }
    return result
  }

  /// Percent-encodes a path segment, except `@`, the zone apex (RFC 3986, section 3.3).
  package static func segment(_ text: String) -> String {
    text == "@" ? text : encoded(text)
  }

  /// Returns names and values as a URL-encoded form or query.
  package static func formText(_ fields: [(String, String)]) -> String {
    fields.map { "\(encoded($0))=\(encoded($1))" }.joined(separator: "&")
  }

  private static func queryText(_ query: [(String, String)], after url: String) -> String {
    query.isEmpty ? "" : (url.contains("?") ? "&" : "?") + formText(query)
  }

  /// Returns text of a service for display: on one line, shortened, and without secrets.
  package func safe(_ text: String) -> String {
    var text = text
    for secret in secrets where !secret.isEmpty {
      text = text.split(separator: secret, omittingEmptySubsequences: false).joined(
        separator: "***")
    }
    let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
    return line.count > 300 ? line.prefix(300) + "…" : line
  }

  // MARK: - Responses

  private func response(to request: HTTPRequest, _ what: String) async throws -> HTTPResponse {
    do {
      return try await http.send(request)
    } catch let error as HostError {
      // The URL is left out: it may contain secrets, and the title already names the service.
      let cause = error.subject == request.url ? error.detail : nil
      throw CertctlError(
        .challengeFailed, "cannot \(what) at \(title): \(safe(cause ?? error.description))",
        hint: error.hint, isRetryable: error.isRetryable)
    }
  }

  /// Returns whether the request can be repeated.
  ///
  /// After 500, 502 and 504 the service may have acted on it, so a POST request is not repeated.
  private func mayRepeat(_ request: HTTPRequest, _ response: HTTPResponse) -> Bool {
    switch response.status {
    case 429, 503: true
    case _ where later(response): true
    case 500, 502, 504: request.method != .post
    default: false
    }
  }

  /// Returns a copy that also hides a request's credentials, in case a response contains them.
  private func hiding(_ request: HTTPRequest) -> VendorAPI {
    var api = self
    for field in request.headers where field.name.lowercased() == "authorization" {
      api.secrets += field.value.split(separator: " ").map(String.init)
        .filter { $0.utf8.count >= 8 }
    }
    return api
  }

  private static func pause(_ response: HTTPResponse, _ attempt: Int, now: Date) -> Duration {
    let asked =
      RetryAfter.instant(response.header("Retry-After"), now: now).map {
        Int($0.timeIntervalSince(now).rounded(.up))
      }
      ?? (try? JSONDecoder().decode(PauseInBody.self, from: Data(response.body)))?.seconds
    return .seconds(min(max(asked ?? 1 << (attempt - 1), 1), longestPause))
  }

  /// The texts of status 400 responses to wrong credentials, from token endpoints (RFC 6749,
  /// section 5.2), OVH (wrong secret) and Cloudflare (malformed token or key).
  private static let refusals = [
    #""invalid_client""#, #""invalid_grant""#, #""unauthorized_client""#, #""INVALID_SIGNATURE""#,
    #""Invalid request headers""#,
  ]

  /// Returns whether the response means wrong credentials: by status 401 or 403, or by its text.
  private static func isRefused(_ response: HTTPResponse) -> Bool {
    guard response.status == 400 else { return [401, 403].contains(response.status) }
    let text = String(decoding: response.body, as: UTF8.self)
    return refusals.contains { text.contains($0) }
  }

  private func refusal(_ response: HTTPResponse, _ what: String) -> CertctlError {
    let words = VendorWords.find(in: response.body)
    return CertctlError(
      .challengeFailed,
      "cannot \(what) at \(title): "
        + (words.map { "\(safe($0)) (HTTP \(response.status))" } ?? "HTTP \(response.status)"),
      hint: Self.isRefused(response) && !credentials.isEmpty
        ? "check \(credentials.joined(separator: ", ")): invalid, expired, or not permitted to "
          + "edit this zone" : nil,
      isRetryable: response.status == 429 || response.status >= 500)
  }
}

/// A response of a service.
package struct VendorAnswer: Sendable {
  let response: HTTPResponse
  let what: String
  let api: VendorAPI

  /// The status, such as 200.
  package var status: Int { response.status }
  /// The body.
  package var body: [UInt8] { response.body }

  /// Returns the first value of a header field.
  package func header(_ name: String) -> String? { response.header(name) }

  /// Decodes the body as JSON.
  ///
  /// - Throws: `CertctlError` with code `challengeFailed` if it cannot be decoded.
  package func decode<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
    do {
      return try JSONDecoder().decode(type, from: Data(response.body))
    } catch {
      throw api.failure(what, "unexpected response" + Self.field(error))
    }
  }

  /// Returns the JSON field that failed to decode: " (field zones.0.id)"; empty if there is none.
  private static func field(_ error: any Error) -> String {
    let path: [any CodingKey] =
      switch error as? DecodingError {
      case .keyNotFound(let key, let context)?: context.codingPath + [key]
      case .typeMismatch(_, let context)?, .valueNotFound(_, let context)?: context.codingPath
      case .dataCorrupted(let context)?: context.codingPath
      default: []
      }
    let names = path.map { $0.intValue.map(String.init) ?? $0.stringValue }
    return names.isEmpty ? "" : " (field \(names.joined(separator: ".")))"
  }
}

/// The pause that a service requests in the body of an error, as GoDaddy does.
private struct PauseInBody: Decodable {
  let seconds: Int

  private enum CodingKeys: String, CodingKey { case seconds = "retryAfterSec" }
}

/// The search for the human-readable message in the body of an error.
enum VendorWords {
  private static let keys = [
    "message", "error_description", "detail", "details", "error", "errors", "description", "title",
    "reason", "code", "errormessage", "longmessage",
  ]

  /// Returns the message; nil if there is none.
  static func find(in body: [UInt8]) -> String? {
    guard let value = try? JSONDecoder().decode(LooseJSON.self, from: Data(body)) else {
      let text = String(decoding: body.prefix(400), as: UTF8.self)
      let isPage = text.drop(while: \.isWhitespace).hasPrefix("<")
      return isPage ? find(inXML: body) : text.isEmpty ? nil : text
    }
    return value.words
  }

  /// The parts of any JSON value in which a message can be.
  private indirect enum LooseJSON: Decodable {
    case text(String)
    case list([LooseJSON])
    case object([String: LooseJSON])
    case other

    init(from decoder: any Decoder) throws {
      if let list = try? [LooseJSON](from: decoder) {
        self = .list(list)
      } else if let object = try? [String: LooseJSON](from: decoder) {
        // Some services capitalize their keys.
        self = .object(
          Dictionary(object.map { ($0.key.lowercased(), $0.value) }) { first, _ in first })
      } else if let text = try? String(from: decoder) {
        self = .text(text)
      } else if let number = try? Int(from: decoder) {
        self = .text("code \(number)")
      } else {
        self = .other
      }
    }

    var words: String? {
      switch self {
      case .text(let text): text.isEmpty ? nil : text
      case .list(let list): list.lazy.compactMap(\.words).first
      case .object(let object):
        VendorWords.keys.lazy.compactMap { object[$0]?.words }.first
          ?? object.sorted { $0.key < $1.key }.lazy.compactMap {
            if case .object = $0.value { $0.value.words } else { nil }
          }.first
      case .other: nil
      }
    }
  }
}
