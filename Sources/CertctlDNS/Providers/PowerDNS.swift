import CertctlBase

/// The HTTP API of PowerDNS Authoritative Server 4 and later, which accepts whole record sets.
package struct PowerDNS: DNSProvider {
  /// The name and the settings of PowerDNS.
  package static let descriptor = DNSProviderDescriptor(
    name: "pdns", title: "PowerDNS",
    documentation: "https://doc.powerdns.com/authoritative/http-api/zone.html",
    settings: [
      .init("PDNS_API_KEY", "API key (api-key in pdns.conf)"),
      .init(
        "PDNS_API_URL", "URL of the web server, such as http://127.0.0.1:8081",
        isSecret: false),
      .init(
        "PDNS_SERVER_NAME", "server ID in the API", isSecret: false, fallback: "localhost"),
      .init(
        "PDNS_API_VERSION", "API version, detected if not set",
        isSecret: false, fallback: ""),
    ], ttl: 60, timeLimit: 120)

  private let api: VendorAPI
  private let server: String
  private let version: Int?
  private let ttl: Int
  private let places = VendorZones<String>()

  /// Creates a client of one server.
  ///
  /// - Throws: `CertctlError` with code `configuration` if the key or the URL is missing or
  ///   invalid.
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

  /// Adds the records that do not exist yet, all or none.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    try await change(records, in: zone, "add TXT records") { values, old in
      let texts = old?.records.map(\.content) ?? []
      guard let all = TXTSets.adding(values, to: texts) else { return nil }
      return (old?.records ?? []) + all.dropFirst(texts.count).map { Record(content: $0) }
    }
  }

  /// Removes the records, and deletes record sets that become empty.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    try await change(records, in: zone, "remove TXT records") { values, old in
      let rest = old?.records.filter { !values.contains(TXTText.unquoted($0.content)) } ?? []
      return rest.count == old?.records.count ?? 0 ? nil : rest
    }
  }

  // MARK: - Requests

  /// Reads the record sets of these names, and writes those that `become` changes.
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
    // The server would notify its secondaries within a minute anyway. If it is not configured to,
    // it rejects the request, which is ignored: the propagation check follows.
    if kind == "Master" || kind == "Producer" {
      _ = try await api.send(
        .put, path + "/notify", to: "notify the secondaries", accepting: [400, 404, 422])
    }
  }

  /// Returns the TXT record set of a name, if any, and the kind of the zone.
  ///
  /// Servers before 4.7 ignore the filter and return the whole zone.
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

  /// Returns the path of the server; PowerDNS 4 and 5 have version 1 of the API.
  private func place() async throws -> String {
    let root = try await places.identity(of: "") {
      if let version { return try Self.root(version, api) }
      let answer = try await api.send(
        .get, "/api", to: "list the versions of its API", accepting: [404])
      // A reverse proxy may pass only the paths that are needed.
      if answer.status == 404 { return try Self.root(1, api) }
      return try Self.root(answer.decode([Version].self).map(\.version).max() ?? 0, api)
    }
    return root + "/servers/" + VendorAPI.encoded(server)
  }

  private static func root(_ version: Int, _ api: VendorAPI) throws -> String {
    if version >= 1 { return "/api/v\(version)" }
    throw api.failure(
      "use the API", "the server supports only version 0", hint: "upgrade to PowerDNS 4.0 or later")
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

  /// The new content of a record set; one without records is deleted.
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
