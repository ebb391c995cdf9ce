import ACME
import CertctlBase

/// Hetzner DNS: the Cloud API, or the old DNS API for zones that have not been migrated.
package struct Hetzner: DNSProvider {
  /// The name and the settings of Hetzner.
  package static let descriptor = DNSProviderDescriptor(
    name: "hetzner", title: "Hetzner",
    documentation: "https://docs.hetzner.cloud/reference/cloud#dns",
    settings: [
      .init("HETZNER_API_TOKEN", "read and write API token of the Cloud project with the zone"),
      .init(
        "HETZNER_API_KEY",
        "token of the old DNS API, which Hetzner ends in May 2026; use HETZNER_API_TOKEN instead"),
    ],
    ways: [["HETZNER_API_TOKEN"], ["HETZNER_API_KEY"]])

  private let console: any HetznerConsole

  /// Creates a client of the Cloud API if its token is set, otherwise of the old API.
  ///
  /// - Throws: `CertctlError` with code `configuration` if there is neither token.
  package init(_ context: DNSProviderContext) throws {
    if let token = context.optional("HETZNER_API_TOKEN") {
      console = HetznerCloud(
        api: try context.api(
          "https://api.hetzner.cloud/v1",
          headers: [.init(name: "Authorization", value: "Bearer \(token)")]
        ).repeating([409, 423]), ttl: context.ttl)
    } else {
      console = HetznerDNS(
        api: try context.api(
          "https://dns.hetzner.com/api/v1",
          headers: [.init(name: "Auth-API-Token", value: try context.value("HETZNER_API_KEY"))]),
        ttl: context.ttl)
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
private protocol HetznerConsole: Sendable {
  func publish(_ records: [ChallengeRecord], in zone: String) async throws
  func remove(_ records: [ChallengeRecord], in zone: String) async throws
}

/// The Cloud API, which changes record sets with asynchronous actions.
///
/// It runs one action per zone at a time, and rejects a second one because the zone is locked.
private struct HetznerCloud: HetznerConsole {
  /// The maximum number of status requests per action, one second apart.
  private static let looks = 120

  let api: VendorAPI
  let ttl: Int

  func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    let sets = try await existing(records, in: zone)
    for (name, values) in records.byName {
      let set = sets.first { $0.name == label(name, zone) }
      let missing = values.filter { set?.texts.contains($0) != true }
      if missing.isEmpty { continue }
      // The TTL belongs to the record set; an existing one keeps its TTL.
      try await act(
        "add_records", "add TXT records", name, zone,
        Change(records: missing.map(Value.init), ttl: set == nil ? ttl : nil))
    }
  }

  func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    let sets = try await existing(records, in: zone)
    for (name, values) in records.byName {
      let set = sets.first { $0.name == label(name, zone) }
      let ours = values.filter { set?.texts.contains($0) == true }
      if ours.isEmpty { continue }
      try await act(
        "remove_records", "remove TXT records", name, zone, Change(records: ours.map(Value.init)))
    }
  }

  private func existing(
    _ records: [ChallengeRecord], in zone: String
  ) async throws -> [RecordSet] {
    let what = "list the TXT records"
    return try await api.pages(what) { page in
      var query = [("type", "TXT"), ("per_page", "50"), ("page", "\(page)")]
      if let name = records.onlyName { query.insert(("name", label(name, zone)), at: 0) }
      let answer = try await api.send(
        .get, "/zones/\(VendorAPI.encoded(zone))/rrsets", to: what, query: query,
        accepting: [404])
      if answer.status == 404 { throw api.noZone(zone) }
      let list = try answer.decode(List.self)
      return (list.rrsets, list.meta?.pagination.next != nil)
    }
  }

  private func act(
    _ word: String, _ what: String, _ name: String, _ zone: String, _ change: Change
  ) async throws {
    let path =
      "/zones/\(VendorAPI.encoded(zone))/rrsets/\(VendorAPI.segment(label(name, zone)))/TXT"
    var action = try await api.send(
      .post, path + "/actions/\(word)", to: what, json: change
    ).decode(Answer.self).action
    for _ in 1...Self.looks where action.status == "running" {
      try await api.clock.sleep(.seconds(1))
      action = try await api.send(.get, "/actions/\(action.id)", to: "get the status of a change")
        .decode(Answer.self).action
    }
    if action.status == "running" {
      throw api.failure(what, "not complete after \(Self.looks) s", isRetryable: true)
    }
    if action.status == "error" {
      throw api.failure(what, action.error?.message ?? "the change failed")
    }
  }

  private func label(_ name: String, _ zone: String) -> String {
    ChallengeRecord(name: name, value: "", domain: "").label(in: zone)
  }

  private struct List: Decodable {
    let rrsets: [RecordSet]
    let meta: Meta?
  }

  private struct RecordSet: Decodable {
    let name: String
    let records: [Value]

    var texts: [String] { records.map { TXTText.unquoted($0.value) } }
  }

  private struct Value: Codable {
    let value: String

    init(_ text: String) { value = TXTText.quoted(text) }
  }

  private struct Change: Encodable {
    let records: [Value]
    var ttl: Int?
  }

  private struct Answer: Decodable { let action: Action }

  private struct Action: Decodable {
    let id: Int
    let status: String
    let error: Failure?
  }

  private struct Failure: Decodable { let message: String? }

  private struct Meta: Decodable { let pagination: Pagination }

  private struct Pagination: Decodable {
    let next: Int?

    private enum CodingKeys: String, CodingKey { case next = "next_page" }
  }
}

/// The old DNS API, which changes single records and can create several in one request.
private struct HetznerDNS: HetznerConsole {
  let api: VendorAPI
  let ttl: Int
  private let zones = VendorZones<String>()

  init(api: VendorAPI, ttl: Int) {
    self.api = api
    self.ttl = ttl
  }

  func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    let id = try await identity(of: zone)
    let missing = records.missing(from: try await existing(in: id, zone))
    if missing.isEmpty { return }
    let what = "add TXT records"
    let answer = try await api.send(
      .post, "/records/bulk", to: what,
      json: Bulk(
        records: missing.map {
          NewRecord(name: $0.label(in: zone), value: $0.value, ttl: ttl, zone: id)
        })
    ).decode(BulkAnswer.self)
    if answer.invalid?.isEmpty == false {
      throw api.failure(what, "some of the records are invalid")
    }
  }

  func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    let id = try await identity(of: zone)
    for record in records.identities(in: try await existing(in: id, zone)) {
      _ = try await api.send(
        .delete, "/records/\(VendorAPI.encoded(record))", to: "remove a TXT record",
        accepting: [404])
    }
  }

  private func identity(of zone: String) async throws -> String {
    try await zones.identity(of: zone) {
      let answer = try await api.send(
        .get, "/zones", to: "find the zone \(zone)", query: [("name", zone)], accepting: [404])
      guard answer.status != 404,
        let found = try answer.decode(Zones.self).zones.first(where: { $0.name == zone })
      else { throw api.noZone(zone) }
      return found.id
    }
  }

  private func existing(in id: String, _ zone: String) async throws -> [VendorRecord<String>] {
    let what = "list the records"
    let found: [Record] = try await api.pages(what) { page in
      let list: List = try await api.send(
        .get, "/records", to: what,
        query: [("zone_id", id), ("per_page", "100"), ("page", "\(page)")]
      ).decode()
      return (list.records, page < list.meta?.pagination.last ?? 1)
    }
    return found.filter { $0.type == "TXT" }
      .map { VendorRecord(id: $0.id, label: $0.name, in: zone, text: $0.value) }
  }

  private struct Zones: Decodable { let zones: [Zone] }

  private struct Zone: Decodable {
    let id: String
    let name: String
  }

  private struct List: Decodable {
    let records: [Record]
    let meta: Meta?
  }

  private struct Record: Decodable {
    let id: String
    let type: String
    let name: String
    let value: String
  }

  private struct Meta: Decodable { let pagination: Pagination }

  private struct Pagination: Decodable {
    let last: Int?

    private enum CodingKeys: String, CodingKey { case last = "last_page" }
  }

  private struct Bulk: Encodable { let records: [NewRecord] }

  private struct NewRecord: Encodable {
    let type = "TXT"
    let name: String
    let value: String
    let ttl: Int
    let zone: String

    private enum CodingKeys: String, CodingKey {
      case type, name, value, ttl
      case zone = "zone_id"
    }
  }

  private struct BulkAnswer: Decodable {
    let invalid: [Invalid]?

    private enum CodingKeys: String, CodingKey { case invalid = "invalid_records" }
  }

  private struct Invalid: Decodable {}
}
