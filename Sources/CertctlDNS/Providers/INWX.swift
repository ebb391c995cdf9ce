import CertctlBase
import CertctlCore

/// The DomRobot API of INWX over JSON-RPC, with a cookie session for each change.
package struct INWX: DNSProvider {
  /// The name and the settings of INWX.
  package static let descriptor = DNSProviderDescriptor(
    name: "inwx", title: "INWX",
    documentation: "https://www.inwx.com/en/help/apidoc",
    settings: [
      .init("INWX_USERNAME", "user name of the account", isSecret: false),
      .init("INWX_PASSWORD", "password of the account"),
      .init(
        "INWX_SHARED_SECRET", "shared secret of two-factor authentication, if enabled",
        fallback: ""),
      .init(
        "INWX_SANDBOX", "true to use the INWX test system", isSecret: false, fallback: "false"),
    ], ttl: 300, timeLimit: 360)

  /// The response codes for success, for an existing object and for a missing object.
  private static let done = 1000..<2000
  private static let exists = 2302
  private static let missing = 2303
  /// The response code for too many concurrent sessions, a temporary condition.
  private static let tooMany = 2502

  private let api: VendorAPI
  private let user: String
  private let password: String
  private let sharedSecret: String?
  private let wrongSecret: CertctlError
  private let ttl: Int

  /// Creates a client with a user name and a password.
  ///
  /// - Throws: `CertctlError` with code `configuration` if they are missing.
  package init(_ context: DNSProviderContext) throws {
    user = try context.value("INWX_USERNAME")
    password = try context.value("INWX_PASSWORD")
    sharedSecret = context.optional("INWX_SHARED_SECRET")
    wrongSecret = context.wrong(
      "INWX_SHARED_SECRET", "is missing or not base32, such as JBSWY3DPEHPK3PXP")
    let isTest = context.isTrue("INWX_SANDBOX")
    api = try context.api("https://api." + (isTest ? "ote." : "") + "domrobot.com/jsonrpc/")
    ttl = context.ttl
  }

  /// Adds the records that do not exist yet.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    try await inSession { session in
      guard let there = try await existing(records, in: zone, session) else {
        throw api.noZone(zone)
      }
      for record in records.missing(from: there) {
        let _: Answer<Nothing> = try await call(
          "nameserver.createRecord",
          NewRecord(domain: zone, name: record.name, content: record.value, ttl: ttl),
          to: "add a TXT record", session, accepting: Self.exists)
      }
    }
  }

  /// Removes the records, which are matched by name and text.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    try await inSession { session in
      for id in records.identities(in: try await existing(records, in: zone, session) ?? []) {
        let _: Answer<Nothing> = try await call(
          "nameserver.deleteRecord", ["id": id], to: "remove a TXT record", session,
          accepting: Self.missing)
      }
    }
  }

  /// Returns the TXT records; nil if the zone does not exist.
  private func existing(
    _ records: [ChallengeRecord], in zone: String, _ session: String
  ) async throws -> [VendorRecord<VendorIdentity>]? {
    var parameters = ["domain": zone, "type": "TXT"]
    parameters["name"] = records.onlyName
    let answer: Answer<List> = try await call(
      "nameserver.info", parameters, to: "list the TXT records", session, accepting: Self.missing)
    guard answer.code != Self.missing else { return nil }
    return (answer.data?.records ?? []).filter { $0.type == "TXT" }
      .map { VendorRecord(id: $0.id, name: $0.name, text: $0.content) }
  }

  // MARK: - Sessions

  private func inSession(_ work: (_ session: String) async throws -> Void) async throws {
    let session = try await logIn()
    do {
      try await work(session)
    } catch {
      await logOut(session)
      throw error
    }
    await logOut(session)
  }

  private func logIn() async throws -> String {
    let answer = try await send(
      "account.login", ["user": user, "pass": password], to: "log in", session: nil)
    let login: Answer<Login> = try checked(answer, "log in")
    let cookies = answer.response.headers("Set-Cookie").compactMap {
      $0.split(separator: ";").first
    }
    let session = cookies.map { String($0.trimmingPrefix(while: \.isWhitespace)) }
      .joined(separator: "; ")
    if login.data?.needsSecondFactor == true { try await unlock(session) }
    return session
  }

  /// Sends the second factor.
  ///
  /// A code is valid for one login, so if it is rejected, the next code is tried once.
  private func unlock(_ session: String) async throws {
    for attempt in 1...2 {
      guard let secret = sharedSecret, let code = try TimeCode.digits(secret, at: api.clock.now())
      else { throw wrongSecret }
      let what = "confirm the second factor"
      let answer = try await send("account.unlock", ["tan": code], to: what, session: session)
      do {
        let _: Answer<Nothing> = try checked(answer, what)
        return
      } catch  where attempt == 1 {
        try await api.clock.sleep(.seconds(TimeCode.secondsLeft(at: api.clock.now())))
      }
    }
  }

  /// Ends the session; errors are ignored, because sessions expire.
  private func logOut(_ session: String) async {
    _ = try? await send("account.logout", [String: String](), to: "log out", session: session)
  }

  // MARK: - Requests

  private func call<Result: Decodable>(
    _ method: String, _ parameters: some Encodable, to what: String, _ session: String,
    accepting: Int
  ) async throws -> Answer<Result> {
    try checked(
      try await send(method, parameters, to: what, session: session), what, accepting: accepting)
  }

  private func send(
    _ method: String, _ parameters: some Encodable, to what: String, session: String?
  ) async throws -> VendorAnswer {
    try await api.send(
      .post, "", to: what, headers: session.map { [HTTPField(name: "Cookie", value: $0)] } ?? [],
      json: Call(method: method, params: parameters))
  }

  /// Decodes a response; errors are in its body, with status 200.
  private func checked<Result>(
    _ answer: VendorAnswer, _ what: String, accepting: Int? = nil
  ) throws -> Answer<Result> {
    let code = try answer.decode(Code.self)
    guard Self.done.contains(code.code) || code.code == accepting else {
      let words = [code.message, code.reason].compactMap(\.self).joined(separator: ": ")
      throw api.failure(
        what, "\(words) (code \(code.code))", isRetryable: code.code == Self.tooMany,
        hint: (2200...2202).contains(code.code)
          ? "check INWX_USERNAME, INWX_PASSWORD, INWX_SHARED_SECRET" : nil)
    }
    return try answer.decode()
  }

  // MARK: - JSON

  private struct Call<Parameters: Encodable>: Encodable {
    let method: String
    let params: Parameters
  }

  private struct Code: Decodable {
    let code: Int
    let message: String?
    let reason: String?

    private enum CodingKeys: String, CodingKey {
      case code, reason
      case message = "msg"
    }
  }

  private struct Answer<Result: Decodable>: Decodable {
    let code: Int
    let data: Result?

    private enum CodingKeys: String, CodingKey {
      case code
      case data = "resData"
    }

    /// Decodes a response; without data, the field is missing or an empty list.
    init(from decoder: any Decoder) throws {
      let fields = try decoder.container(keyedBy: CodingKeys.self)
      code = try fields.decode(Int.self, forKey: .code)
      let isEmpty = (try? fields.decode([Nothing].self, forKey: .data))?.isEmpty ?? false
      data = isEmpty ? nil : try fields.decodeIfPresent(Result.self, forKey: .data)
    }
  }

  private struct Nothing: Decodable {}

  private struct Login: Decodable {
    /// The kind of second factor; 0 or "0" for none.
    let secondFactor: VendorIdentity?

    var needsSecondFactor: Bool { !["", "0"].contains(secondFactor?.path ?? "") }

    private enum CodingKeys: String, CodingKey { case secondFactor = "tfa" }
  }

  private struct List: Decodable {
    let records: [Record]?

    private enum CodingKeys: String, CodingKey { case records = "record" }
  }

  private struct Record: Decodable {
    let id: VendorIdentity
    let name: String
    let type: String
    let content: String
  }

  private struct NewRecord: Encodable {
    let domain: String
    let type = "TXT"
    let name: String
    let content: String
    let ttl: Int
  }
}
