import ACME
import CertctlBase
import CertctlCore
import CertctlSystem

/// netcup DNS: the CloudDNS API, or the API of the customer control panel (CCP).
///
/// All new domains are in CloudDNS. The CCP has only domains that have not been migrated.
package struct Netcup: DNSProvider {
  /// The name and the settings of netcup.
  package static let descriptor = DNSProviderDescriptor(
    name: "netcup", title: "netcup",
    documentation: "https://www.netcup.com/en/helpcenter/documentation/domain/our-api",
    settings: [
      .init(
        "NETCUP_CUSTOMER_NUMBER", "customer number, for a legacy API key", isSecret: false),
      .init("NETCUP_API_KEY", "API key (64 characters), or a legacy API key"),
      .init("NETCUP_API_PASSWORD", "API password, for a legacy API key"),
    ],
    ways: [
      ["NETCUP_API_KEY"], ["NETCUP_CUSTOMER_NUMBER", "NETCUP_API_KEY", "NETCUP_API_PASSWORD"],
    ], ttl: 300, timeLimit: 1800)

  /// The length of a CloudDNS key; a legacy key has 50 characters.
  private static let keyLength = 64

  private let console: any NetcupConsole

  /// Creates a client of CloudDNS, or of the CCP if the key is a legacy key with a password.
  ///
  /// - Throws: `CertctlError` with code `configuration` if the key or the customer number is
  ///   missing.
  package init(_ context: DNSProviderContext) throws {
    let key = try context.value("NETCUP_API_KEY")
    if let password = context.optional("NETCUP_API_PASSWORD"), key.utf8.count != Self.keyLength {
      console = NetcupCCP(
        api: try context.api("https://ccp.netcup.net/run/webservice/servers/endpoint.php?JSON"),
        customer: try context.value("NETCUP_CUSTOMER_NUMBER"), key: key, password: password)
    } else {
      console = NetcupCloud(
        api: try context.api(
          "https://api.netcup.com/v1",
          headers: [
            HTTPField(name: "Authorization", value: "Bearer \(key)"),
            HTTPField(name: "Accept", value: "application/json"),
          ]))
    }
  }

  /// Adds the records that do not exist yet.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    try await console.publish(records, in: zone)
  }

  /// Removes the records, which are matched by name and text.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    try await console.remove(records, in: zone)
  }
}

/// One of the two APIs.
protocol NetcupConsole: Sendable {
  /// Adds the records that do not exist yet.
  func publish(_ records: [ChallengeRecord], in zone: String) async throws
  /// Removes the records.
  func remove(_ records: [ChallengeRecord], in zone: String) async throws
}

/// The JSON API of the CCP, with one session for each change of several records.
///
/// The TTL belongs to the zone. The name servers of netcup load a zone minutes after a change.
private struct NetcupCCP: NetcupConsole {
  /// The maximum number of attempts, and the pause in seconds after a rate limit error.
  ///
  /// The limit is 180 requests per minute.
  private static let attempts = 4
  private static let pause = 61
  /// The status codes for a zone without records, and for a zone that does not exist.
  private static let noRecords = 5029
  private static let noUpdate = 5028
  /// The status code for an unknown session.
  private static let lostSession = 4001

  let api: VendorAPI
  let customer: String
  let key: String
  let password: String

  func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    try await inSession { session in
      let there = try await existing(in: zone, session)
      let entries = there.map { $0.entry(in: zone) }
      let new = records.missing(from: entries).map {
        Record(id: nil, hostname: $0.label(in: zone), destination: $0.value)
      }
      try await update(new, in: zone, session, to: "add TXT records")
    }
  }

  func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    try await inSession { session in
      let there = try await existing(in: zone, session)
      let ours = Set(records.identities(in: there.map { $0.entry(in: zone) }))
      let old = there.filter { $0.id.map(ours.contains) ?? false }.map { record in
        var record = record
        record.isDeleted = true
        return record
      }
      try await update(old, in: zone, session, to: "remove TXT records")
    }
  }

  private func existing(in zone: String, _ session: String) async throws -> [Record] {
    let answer = try await call(
      "infoDnsRecords", parameters(session, zone), to: "list the records",
      accepting: [Self.noRecords, Self.noUpdate])
    let outcome = try answer.decode(Outcome.self)
    guard outcome.isDone else {
      if outcome.saysNotFound { throw noZone(zone) }
      return []
    }
    return try answer.decode(Answer<List>.self).data.records.filter { $0.type == "TXT" }
  }

  private func update(
    _ records: [Record], in zone: String, _ session: String, to what: String
  ) async throws {
    guard !records.isEmpty else { return }
    var parameters = parameters(session, zone)
    parameters.records = RecordSet(records: records)
    let answer = try await call(
      "updateDnsRecords", parameters, to: what, accepting: [Self.noUpdate])
    let outcome = try answer.decode(Outcome.self)
    if outcome.isDone { return }
    throw outcome.saysNotFound ? noZone(zone) : api.failure(what, outcome.words)
  }

  /// Returns the error about a missing zone, which may be in CloudDNS, invisible to this API.
  private func noZone(_ zone: String) -> CertctlError {
    let error = api.noZone(zone)
    return CertctlError(
      .challengeFailed, error.message,
      hint: "if the domain is in CloudDNS, set NETCUP_API_KEY to a new API key from the customer "
        + "control panel, without NETCUP_API_PASSWORD, or use --dns with the provider that hosts "
        + "\(zone)")
  }

  // MARK: - Sessions

  /// Runs `work` in a session, and again in a new one if netcup loses the session, which happens.
  private func inSession(_ work: (_ session: String) async throws -> Void) async throws {
    for attempt in 1...Self.attempts {
      let session = try await logIn()
      do {
        try await work(session)
      } catch let error as LostSession {
        guard attempt < Self.attempts else { throw error.refusal }
        continue
      } catch {
        await logOut(session)
        throw error
      }
      return await logOut(session)
    }
  }

  private func logIn() async throws -> String {
    var parameters = parameters()
    parameters.password = password
    return try await call("login", parameters, to: "log in").decode(Answer<Session>.self).data.id
  }

  /// Ends the session; errors are ignored, because sessions expire.
  private func logOut(_ session: String) async {
    _ = try? await call("logout", parameters(session), to: "log out")
  }

  private func parameters(_ session: String? = nil, _ zone: String? = nil) -> Parameters {
    Parameters(customer: customer, key: key, session: session, zone: zone)
  }

  // MARK: - Requests

  /// Sends a command; errors are in the body of the response, with status 200.
  private func call(
    _ action: String, _ parameters: Parameters, to what: String, accepting: Set<Int> = []
  ) async throws -> VendorAnswer {
    for attempt in 1...Self.attempts {
      let answer = try await api.send(
        .post, "", to: what, json: Command(action: action, param: parameters))
      let outcome = try answer.decode(Outcome.self)
      if outcome.isDone || accepting.contains(outcome.code) { return answer }
      guard outcome.words.contains("requests per minute"), attempt < Self.attempts else {
        let refusal = api.failure(
          what, outcome.words,
          hint: action == "login"
            ? "check NETCUP_CUSTOMER_NUMBER, NETCUP_API_KEY, NETCUP_API_PASSWORD" : nil)
        if outcome.code == Self.lostSession, action != "login" {
          throw LostSession(refusal: refusal)
        }
        throw refusal
      }
      try await api.clock.sleep(.seconds(Self.pause))
    }
    throw CancellationError()
  }

  /// The error for a session that netcup has lost.
  private struct LostSession: Error { let refusal: CertctlError }

  // MARK: - JSON

  private struct Command: Encodable {
    let action: String
    let param: Parameters
  }

  private struct Parameters: Encodable {
    let customer: String
    let key: String
    let session: String?
    let zone: String?
    var password: String?
    var records: RecordSet?

    private enum CodingKeys: String, CodingKey {
      case customer = "customernumber"
      case key = "apikey"
      case session = "apisessionid"
      case zone = "domainname"
      case password = "apipassword"
      case records = "dnsrecordset"
    }
  }

  private struct RecordSet: Encodable {
    let records: [Record]

    private enum CodingKeys: String, CodingKey { case records = "dnsrecords" }
  }

  private struct Outcome: Decodable {
    let status: String
    let code: Int
    let short: String?
    let long: String?

    /// Whether the command is done or in progress; a warning is not an error.
    var isDone: Bool { ["success", "warning", "started", "pending"].contains(status) }
    var words: String { [short, long].compactMap(\.self).joined(separator: " ") }
    var saysNotFound: Bool {
      words.contains("could not be found") || words.contains("not found")
    }

    private enum CodingKeys: String, CodingKey {
      case status
      case code = "statuscode"
      case short = "shortmessage"
      case long = "longmessage"
    }
  }

  private struct Answer<Result: Decodable>: Decodable {
    let data: Result

    private enum CodingKeys: String, CodingKey { case data = "responsedata" }
  }

  private struct Session: Decodable {
    let id: String

    private enum CodingKeys: String, CodingKey { case id = "apisessionid" }
  }

  private struct List: Decodable {
    let records: [Record]

    private enum CodingKeys: String, CodingKey { case records = "dnsrecords" }
  }

  private struct Record: Codable {
    let id: String?
    let hostname: String
    var type = "TXT"
    let destination: String
    var isDeleted: Bool?

    func entry(in zone: String) -> VendorRecord<String> {
      VendorRecord(id: id ?? "", label: hostname, in: zone, text: destination)
    }

    private enum CodingKeys: String, CodingKey {
      case id, hostname, type, destination
      case isDeleted = "deleterecord"
    }
  }
}
