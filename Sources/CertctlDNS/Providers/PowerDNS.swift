import CertctlBase

/// The HTTP API of PowerDNS Authoritative Server 4 and later, which takes whole sets of records.
package struct PowerDNS: DNSProvider {
  /// What PowerDNS is called and needs.
  package static let descriptor = DNSProviderDescriptor(
    name: "pdns", title: "PowerDNS",
    documentation: "https://doc.powerdns.com/authoritative/http-api/zone.html",
    settings: [
      .init("PDNS_API_KEY", "the server's api-key"),
      .init(
        "PDNS_API_URL", "the address of its web server, such as http://127.0.0.1:8081",
        isSecret: false),
      .init(
        "PDNS_SERVER_NAME", "the server's id in the API", isSecret: false, fallback: "localhost"),
      .init(
        "PDNS_API_VERSION", "the API's version; the server is asked where none is given",
        isSecret: false, fallback: ""),
    ], ttl: 60, timeLimit: 120)

  private let api: VendorAPI
  private let server: String
  private let version: Int?
  private let ttl: Int
  private let places = VendorZones<String>()

  /// A client of one server.
  ///
  /// - Throws: `CertctlError` with code `configuration` where key or address are missing or wrong.
  package init(_ context: DNSProviderContext) throws {
    server = try context.value("PDNS_SERVER_NAME")
    version = try context.optional("PDNS_API_VERSION").map { text in
      guard let number = Int(text), number >= 0 else {
        throw context.wrong("PDNS_API_VERSION", "is not a number")
      }
      return number
    }
    ttl = context.ttl
    api = try context.api(
      context.url("PDNS_API_URL"),
      headers: [HTTPField(name: "X-API-Key", value: try context.value("PDNS_API_KEY"))])
  }

  /// Adds the records that are not there yet, all of them or none.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    try await change(records, in: zone, "add TXT records") { values, old in
      let texts = old?.records.map(\.content) ?? []
      guard let all = TXTSets.adding(values, to: texts) else { return nil }
      return (old?.records ?? []) + all.dropFirst(texts.count).map { Record(content: $0) }
    }
  }

  /// Removes the records, and what has none left.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    try await change(records, in: zone, "remove TXT records") { values, old in
      let rest = old?.records.filter { !values.contains(TXTText.unquoted($0.content)) } ?? []
      return rest.count == old?.records.count ?? 0 ? nil : rest
    }
  }

  // MARK: - Requests

  /// Reads the sets of these names, and writes those that become others.
  private func change(
    _ records: [ChallengeRecord], in zone: String, _ what: String,
    _ become: (_ values: [String], _ old: RecordSet?) -> [Record]?
  ) async throws {
    let path = try await place() + "/zones/" + VendorAPI.encoded(zone + ".")
    var changes: [Change] = []
    var kind: String?
    for (name, values) in records.byName {
      let (old, found) = try await recordSet(name, path, zone)
      kind = found
      if let records = become(values, old) {
        changes.append(Change(name: name + ".", ttl: old?.ttl ?? ttl, records: records))
      }
    }
    guard !changes.isEmpty else { return }
    _ = try await api.send(.patch, path, to: what, json: ["rrsets": changes])
    // Secondaries would be told anyway, within a minute. A server that is not set up to tell them
    // refuses; whether the records are everywhere is seen by looking.
    if kind == "Master" || kind == "Producer" {
      _ = try await api.send(
        .put, path + "/notify", to: "notify the secondaries", accepting: [400, 404, 422])
    }
  }

  /// The TXT records of a name, nil when there are none, and the kind of the zone.
  ///
  /// Servers before 4.7 know no filter and send the whole zone.
  private func recordSet(
    _ name: String, _ path: String, _ zone: String
  ) async throws -> (RecordSet?, kind: String?) {
    let answer = try await api.send(
      .get, path, to: "read the zone \(zone)",
      query: [("rrset_name", name + "."), ("rrset_type", "TXT")], accepting: [404, 422])
    if answer.status == 404 || answer.status == 422 { throw api.noZone(zone) }
    let found = try answer.decode(Zone.self)
    let set = found.sets.first { $0.type == "TXT" && $0.name.lowercased() == name + "." }
    return (set, found.kind)
  }

  /// The path of the server; version 1 of the API is that of PowerDNS 4 and 5.
  private func place() async throws -> String {
    let root = try await places.identity(of: "") {
      if let version { return try Self.root(version, api) }
      let answer = try await api.send(
        .get, "/api", to: "list the versions of its API", accepting: [404])
      // Something in front that lets through only what is needed.
      if answer.status == 404 { return try Self.root(1, api) }
      return try Self.root(answer.decode([Version].self).map(\.version).max() ?? 0, api)
    }
    return root + "/servers/" + VendorAPI.encoded(server)
  }

  private static func root(_ version: Int, _ api: VendorAPI) throws -> String {
    if version >= 1 { return "/api/v\(version)" }
    throw api.failure(
      "be used", "it has only version 0 of its API", hint: "PowerDNS 4.0 or later is needed")
  }

  // MARK: - JSON

  private struct Version: Decodable { let version: Int }

  private struct Zone: Decodable {
    let kind: String?
    let sets: [RecordSet]

    private enum CodingKeys: String, CodingKey {
      case kind
      case sets = "rrsets"
    }
  }

  private struct RecordSet: Decodable {
    let name: String
    let type: String
    let ttl: Int?
    let records: [Record]
  }

  private struct Record: Codable {
    let content: String
    var disabled: Bool? = false
  }

  /// What a set is to become; one without records is deleted.
  private struct Change: Encodable {
    let name: String
    let type = "TXT"
    let action: String
    let ttl: Int?
    let records: [Record]?

    init(name: String, ttl: Int, records: [Record]) {
      self.name = name
      action = records.isEmpty ? "DELETE" : "REPLACE"
      self.ttl = records.isEmpty ? nil : ttl
      self.records = records.isEmpty ? nil : records
    }

    private enum CodingKeys: String, CodingKey {
      case action = "changetype"
      case name, type, ttl, records
    }
  }
}
