import HostIO

/// The CCP API of netcup by JSON: a session around each change, of as many records as there are.
///
/// The time to live belongs to the zone as a whole, and changes take their time: netcup's name
/// servers get a zone some minutes after it was changed.
package struct Netcup: DNSProvider {
  /// What netcup is called and needs.
  package static let descriptor = DNSProviderDescriptor(
    name: "netcup", title: "netcup",
    documentation: "https://helpcenter.netcup.com/en/wiki/general/our-api",
    settings: [
      .init("NETCUP_CUSTOMER_NUMBER", "the customer number", isSecret: false),
      .init("NETCUP_API_KEY", "an API key of the customer control panel"),
      .init("NETCUP_API_PASSWORD", "the API password of the customer control panel"),
    ], ttl: 300, timeLimit: 1800)

  /// How often a request is sent that is turned away by the limit of 180 requests in a minute, and
  /// how long the pause is, in seconds.
  private static let attempts = 4
  private static let pause = 61
  /// What netcup says of a zone without records, and of one that it does not have.
  private static let noRecords = 5029
  private static let noUpdate = 5028

  private let api: VendorAPI
  private let customer: String
  private let key: String
  private let password: String

  /// A client with key and password.
  ///
  /// - Throws: `CertctlError` with code `configuration` where they are missing.
  package init(_ context: DNSProviderContext) throws {
    customer = try context.value("NETCUP_CUSTOMER_NUMBER")
    key = try context.value("NETCUP_API_KEY")
    password = try context.value("NETCUP_API_PASSWORD")
    api = try context.api("https://ccp.netcup.net/run/webservice/servers/endpoint.php?JSON")
  }

  /// Adds the records that are not there yet, all in one request.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    try await inSession { session in
      let there = try await existing(in: zone, session)
      let entries = there.map { $0.entry(in: zone) }
      let new = records.missing(from: entries).map {
        Record(id: nil, hostname: $0.label(in: zone), destination: $0.value)
      }
      try await update(new, in: zone, session, to: "add TXT records")
    }
  }

  /// Removes the records, which are found by name and text.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {
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
      if outcome.saysNotFound { throw api.noZone(zone) }
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
    throw outcome.saysNotFound ? api.noZone(zone) : api.failure(what, outcome.words)
  }

  // MARK: - Sessions

  private func inSession(_ work: (_ session: String) async throws -> Void) async throws {
    var parameters = parameters()
    parameters.password = password
    let session = try await call("login", parameters, to: "log in")
      .decode(Answer<Session>.self).data.id
    do {
      try await work(session)
    } catch {
      await logOut(session)
      throw error
    }
    await logOut(session)
  }

  /// Ends the session.
  ///
  /// It would end by itself: failing is no reason to fail.
  private func logOut(_ session: String) async {
    _ = try? await call("logout", parameters(session), to: "log out")
  }

  private func parameters(_ session: String? = nil, _ zone: String? = nil) -> Parameters {
    Parameters(customer: customer, key: key, session: session, zone: zone)
  }

  // MARK: - Requests

  /// Sends a command; its errors come with status 200.
  private func call(
    _ action: String, _ parameters: Parameters, to what: String, accepting: Set<Int> = []
  ) async throws -> VendorAnswer {
    for attempt in 1...Self.attempts {
      let answer = try await api.send(
        .post, "", to: what, json: Command(action: action, param: parameters))
      let outcome = try answer.decode(Outcome.self)
      if outcome.isDone || accepting.contains(outcome.code) { return answer }
      guard outcome.words.contains("requests per minute"), attempt < Self.attempts else {
        throw api.failure(
          what, outcome.words,
          hint: action == "login"
            ? "check NETCUP_CUSTOMER_NUMBER, NETCUP_API_KEY, NETCUP_API_PASSWORD" : nil)
      }
      try await api.clock.sleep(.seconds(Self.pause))
    }
    throw CancellationError()
  }

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

    var isDone: Bool { status == "success" }
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
