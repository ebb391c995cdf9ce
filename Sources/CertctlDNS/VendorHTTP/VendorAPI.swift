import ACME
package import CertctlBase
package import CertctlCore
import FoundationEssentials

/// A DNS service's HTTP API: one request after another, repeated where the service says "later".
///
/// What the service answers is hostile text: it is shortened, escaped, and searched for our own
/// secrets before anybody sees it.
package struct VendorAPI: Sendable {
  /// How many times to send a request that the service rejects temporarily.
  static let attempts = 6
  /// The longest pause that a service can ask for, in seconds.
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

  /// Makes the header fields that a request needs to be accepted, anew for each attempt.
  package typealias Authorize = @Sendable (HTTPRequest) async throws -> [HTTPField]

  /// A client of a service.
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

  /// The same client, which signs its requests, or gets a token for them.
  ///
  /// - Parameter authorize: Makes the fields; called for each attempt, since signatures have a time.
  /// - Returns: The client.
  package func authorized(by authorize: @escaping Authorize) -> VendorAPI {
    var api = self
    api.authorize = authorize
    return api
  }

  /// The same client, which takes more statuses than 429 and 503 for "nothing was done, ask again".
  ///
  /// - Parameter statuses: The statuses, such as 409 of a service that does one thing at a time.
  /// - Returns: The client.
  package func repeating(_ statuses: Set<Int>) -> VendorAPI {
    repeating { statuses.contains($0.status) }
  }

  /// The same client, which takes more answers than 429 and 503 for "nothing was done, ask again".
  ///
  /// - Parameter isLater: Whether an answer says so.
  /// - Returns: The client.
  package func repeating(
    where isLater: @escaping @Sendable (HTTPResponse) -> Bool
  ) -> VendorAPI {
    var api = self
    api.later = isLater
    return api
  }

  /// Sends a request without a body, or with one of any kind.
  ///
  /// - Parameters:
  ///   - method: The method.
  ///   - path: The path below the base, or an absolute URL; its parts are encoded already.
  ///   - what: What is being done, for errors: "list the zones".
  ///   - query: The query's names and values, not encoded.
  ///   - headers: Header fields beside those of every request.
  ///   - body: The body.
  ///   - accepting: The statuses beside 200 to 299 that are no error.
  /// - Returns: The answer.
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
  ///   - what: What is being done, for errors.
  ///   - query: The query's names and values, not encoded.
  ///   - headers: Header fields beside those of every request.
  ///   - json: The body.
  ///   - accepting: The statuses beside 200 to 299 that are no error.
  /// - Returns: The answer.
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

  /// Sends a POST with the body of an HTML form.
  ///
  /// - Parameters:
  ///   - path: The path below the base.
  ///   - what: What is being done, for errors.
  ///   - form: The fields, not encoded.
  ///   - headers: Header fields beside those of every request.
  ///   - accepting: The statuses beside 200 to 299 that are no error.
  /// - Returns: The answer.
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

  /// The error that a service's answer stands for, where its status did not say so.
  ///
  /// - Parameters:
  ///   - what: What was being done.
  ///   - detail: The service's own words.
  ///   - isRetryable: Whether the same can succeed later.
  ///   - hint: What to do about it.
  /// - Returns: The error.
  package func failure(
    _ what: String, _ detail: String, isRetryable: Bool = false, hint: String? = nil
  ) -> CertctlError {
    CertctlError(
      .challengeFailed, "\(title) refused to \(what): \(safe(detail))", hint: hint,
      isRetryable: isRetryable)
  }

  /// The error about a zone that the service, or the account there, does not have.
  ///
  /// - Parameters:
  ///   - zone: The zone.
  ///   - cause: What else may be the cause, where a service hides zones without saying so.
  /// - Returns: The error.
  package func noZone(_ zone: String, or cause: String? = nil) -> CertctlError {
    CertctlError(
      .challengeFailed, "this account at \(title) has no zone \(zone)",
      hint: "the name servers of \(zone) say where the zone is: choose that "
        + "provider by --dns, or give the credentials of the account that has it"
        + (cause.map { "; or \($0)" } ?? ""))
  }

  // MARK: - Text

  /// Text as part of a path or a query: all but letters, digits and `-._~` is encoded (RFC 3986).
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

  /// Text as one part of a path: like ``encoded(_:)``, but `@`, which stands for a zone's own name
  /// and which a path may have (RFC 3986, section 3.3), is written as the vendors' pages do.
  package static func segment(_ text: String) -> String {
    text == "@" ? text : encoded(text)
  }

  /// Names and values as a form or a query carries them.
  package static func formText(_ fields: [(String, String)]) -> String {
    fields.map { "\(encoded($0))=\(encoded($1))" }.joined(separator: "&")
  }

  private static func queryText(_ query: [(String, String)], after url: String) -> String {
    query.isEmpty ? "" : (url.contains("?") ? "&" : "?") + formText(query)
  }

  /// A service's words, fit to be shown: short, on one line, and without our secrets.
  package func safe(_ text: String) -> String {
    var text = text
    for secret in secrets where !secret.isEmpty {
      text = text.split(separator: secret, omittingEmptySubsequences: false).joined(
        separator: "***")
    }
    let line = text.split(whereSeparator: \.isNewline).joined(separator: " ")
    return line.count > 300 ? line.prefix(300) + "…" : line
  }

  // MARK: - Answers

  private func response(to request: HTTPRequest, _ what: String) async throws -> HTTPResponse {
    do {
      return try await http.send(request)
    } catch let error as HostError {
      throw CertctlError(
        .challengeFailed, "\(title) could not be asked to \(what): \(safe(error.description))",
        hint: error.hint, isRetryable: error.isRetryable)
    }
  }

  /// Whether the service did nothing and may be asked again: a POST is not sent twice after an
  /// error of which nobody knows what was done before it.
  private func mayRepeat(_ request: HTTPRequest, _ response: HTTPResponse) -> Bool {
    switch response.status {
    case 429, 503: true
    case _ where later(response): true
    case 500, 502, 504: request.method != .post
    default: false
    }
  }

  /// The same client, which prints nothing of a request's credentials, should they come back.
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

  /// What services say of wrong credentials with status 400: those that give out tokens (RFC 6749,
  /// section 5.2), OVH of a wrong secret, and Cloudflare of a token or key that can be none.
  private static let refusals = [
    #""invalid_client""#, #""invalid_grant""#, #""unauthorized_client""#, #""INVALID_SIGNATURE""#,
    #""Invalid request headers""#,
  ]

  /// Whether it is the answer to wrong credentials, though its status is that of a wrong request.
  private static func isRefused(_ response: HTTPResponse) -> Bool {
    guard response.status == 400 else { return [401, 403].contains(response.status) }
    let text = String(decoding: response.body, as: UTF8.self)
    return refusals.contains { text.contains($0) }
  }

  private func refusal(_ response: HTTPResponse, _ what: String) -> CertctlError {
    let words = VendorWords.find(in: response.body)
    return CertctlError(
      .challengeFailed,
      "\(title) refused to \(what) (HTTP \(response.status))"
        + (words.map { ": \(safe($0))" } ?? ""),
      hint: Self.isRefused(response) && !credentials.isEmpty
        ? "check \(credentials.joined(separator: ", ")): wrong, expired, or without the right to "
          + "edit this zone" : nil,
      isRetryable: response.status == 429 || response.status >= 500)
  }
}

/// What a service answered.
package struct VendorAnswer: Sendable {
  let response: HTTPResponse
  let what: String
  let api: VendorAPI

  /// The status, such as 200.
  package var status: Int { response.status }
  /// The body.
  package var body: [UInt8] { response.body }

  /// The first value of a header field.
  package func header(_ name: String) -> String? { response.header(name) }

  /// The body as JSON.
  ///
  /// - Throws: `CertctlError` with code `challengeFailed` when it is none of this form.
  package func decode<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
    do {
      return try JSONDecoder().decode(type, from: Data(response.body))
    } catch {
      throw api.failure(what, "the answer is not what its documentation says (\(error))")
    }
  }
}

/// The pause that a service asks for in an error's body, as GoDaddy does.
private struct PauseInBody: Decodable {
  let seconds: Int

  private enum CodingKeys: String, CodingKey { case seconds = "retryAfterSec" }
}

/// The sentence for people in an error's body, wherever the service puts it.
enum VendorWords {
  private static let keys = [
    "message", "error_description", "detail", "details", "error", "errors", "description", "title",
    "reason", "code", "errormessage", "longmessage",
  ]

  /// Something that tells what went wrong; nil when there is nothing of the kind.
  static func find(in body: [UInt8]) -> String? {
    guard let value = try? JSONDecoder().decode(LooseJSON.self, from: Data(body)) else {
      let text = String(decoding: body.prefix(400), as: UTF8.self)
      let isPage = text.drop(while: \.isWhitespace).hasPrefix("<")
      return isPage ? find(inXML: body) : text.isEmpty ? nil : text
    }
    return value.words
  }

  /// As much of any JSON as can be a sentence.
  private indirect enum LooseJSON: Decodable {
    case text(String)
    case list([LooseJSON])
    case object([String: LooseJSON])
    case other

    init(from decoder: any Decoder) throws {
      if let list = try? [LooseJSON](from: decoder) {
        self = .list(list)
      } else if let object = try? [String: LooseJSON](from: decoder) {
        // Some services write their names with capitals.
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
