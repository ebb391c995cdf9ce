import CertctlBase

/// The "Domains and DNS" API of Scaleway, version 2 beta 1, with several changes per request.
package struct Scaleway: DNSProvider {
  /// The name and the settings of Scaleway.
  package static let descriptor = DNSProviderDescriptor(
    name: "scaleway", title: "Scaleway",
    documentation: "https://www.scaleway.com/en/developers/api/domains-and-dns/",
    settings: [
      .init("SCW_SECRET_KEY", "secret key of an API key", aliases: ["SCALEWAY_API_TOKEN"]),
      .init(
        "SCW_PROJECT_ID", "ID of the project with the zone, if several projects have it",
        aliases: ["SCALEWAY_PROJECT_ID"], isSecret: false, fallback: ""),
    ], ttl: 60, timeLimit: 300)

  /// The number of records per page.
  private static let pageSize = 100
  /// The statuses that may mean a missing zone.
  private static let absent: Set<Int> = [403, 404]

  private let api: VendorAPI
  private let project: String?
  private let ttl: Int

  /// Creates a client with a secret key.
  ///
  /// - Throws: `CertctlError` with code `configuration` if it is missing.
  package init(_ context: DNSProviderContext) throws {
    api = try context.api(
      "https://api.scaleway.com/domain/v2beta1/dns-zones/",
      headers: [HTTPField(name: "X-Auth-Token", value: try context.value("SCW_SECRET_KEY"))])
    project = context.optional("SCW_PROJECT_ID")
    ttl = context.ttl
  }

  /// Adds the records that do not exist yet, in one request.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    let missing = records.missing(from: try await existing(records, in: zone))
    guard !missing.isEmpty else { return }
    let new = missing.map {
      NewRecord(name: $0.label(in: zone, apex: ""), data: TXTText.quoted($0.value), ttl: ttl)
    }
    try await change([Change(add: Addition(records: new))], in: zone, to: "add TXT records")
  }

  /// Removes the records, which are matched by name and text, in one request.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    let ours = records.identities(in: try await existing(records, in: zone))
    guard !ours.isEmpty else { return }
    try await change(
      ours.map { Change(delete: Reference(id: $0)) }, in: zone, to: "remove TXT records")
  }

  // MARK: - Requests

  private func existing(
    _ records: [ChallengeRecord], in zone: String
  ) async throws -> [VendorRecord<String>] {
    let what = "list the TXT records"
    var seen = 0
    let found: [Record] = try await api.pages(what) { page in
      var query = [("type", "TXT"), ("page", "\(page)"), ("page_size", "\(Self.pageSize)")]
      if let name = records.onlyName, let record = records.first(where: { $0.name == name }) {
        query.insert(("name", record.label(in: zone, apex: "")), at: 0)
      }
      if let project { query.append(("project_id", project)) }
      let answer = try await api.send(
        .get, path(zone), to: what, query: query, accepting: Self.absent)
      try check(answer, zone)
      let list = try answer.decode(List.self)
      seen += list.records.count
      return (list.records, !list.records.isEmpty && seen < list.count)
    }
    return found.filter { $0.type == "TXT" }
      .map { VendorRecord(id: $0.id, label: $0.name, in: zone, text: $0.data) }
  }

  private func change(_ changes: [Change], in zone: String, to what: String) async throws {
    let answer = try await api.send(
      .patch, path(zone), to: what, json: Changes(changes: changes), accepting: Self.absent)
    try check(answer, zone)
  }

  /// Checks a response.
  ///
  /// A missing zone returns 403 like a missing permission; only the message tells them apart.
  private func check(_ answer: VendorAnswer, _ zone: String) throws {
    guard Self.absent.contains(answer.status) else { return }
    let words = VendorWords.find(in: answer.body) ?? "no reason given"
    if answer.status == 404 || words.contains("not found") { throw api.noZone(zone) }
    throw api.failure(
      answer.what, "\(words) (HTTP \(answer.status))",
      hint: "check that SCW_SECRET_KEY may edit the DNS of the zone's project")
  }

  private func path(_ zone: String) -> String { VendorAPI.encoded(zone) + "/records" }

  // MARK: - JSON

  private struct List: Decodable {
    let count: Int
    let records: [Record]

    private enum CodingKeys: String, CodingKey {
      case count = "total_count"
      case records
    }
  }

  private struct Record: Decodable {
    let id: String
    let type: String
    let name: String
    let data: String
  }

  private struct NewRecord: Encodable {
    let type = "TXT"
    let name: String
    let data: String
    let ttl: Int
  }

  private struct Addition: Encodable { let records: [NewRecord] }

  private struct Reference: Encodable { let id: String }

  private struct Change: Encodable {
    var add: Addition?
    var delete: Reference?
  }

  /// The request body; without the flag, the service would create a missing zone, which is useless.
  private struct Changes: Encodable {
    let changes: [Change]
    let makesNoZone = true
    let returnsAll = false

    private enum CodingKeys: String, CodingKey {
      case changes
      case makesNoZone = "disallow_new_zone_creation"
      case returnsAll = "return_all_records"
    }
  }
}
