import CertctlBase

/// The DNS API of IONOS hosting (not of IONOS Cloud, which is another service).
package struct IONOS: DNSProvider {
  /// The name and the settings of IONOS.
  package static let descriptor = DNSProviderDescriptor(
    name: "ionos", title: "IONOS", documentation: "https://developer.hosting.ionos.com/docs/dns",
    settings: [.init("IONOS_API_KEY", "API key in the form PREFIX.SECRET")],
    ttl: 60, timeLimit: 900)

  private let api: VendorAPI
  private let ttl: Int
  private let zones = VendorZones<String>()

  /// Creates a client with an API key.
  ///
  /// - Throws: `CertctlError` with code `configuration` if it is missing.
  package init(_ context: DNSProviderContext) throws {
    api = try context.api(
      "https://api.hosting.ionos.com/dns/v1/zones",
      headers: [HTTPField(name: "X-API-Key", value: try context.value("IONOS_API_KEY"))])
    ttl = context.ttl
  }

  /// Adds the records that do not exist yet, in one request.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    let place = try await place(of: zone)
    let missing = records.missing(from: try await existing(records, place))
    guard !missing.isEmpty else { return }
    _ = try await api.send(
      .post, place + "/records", to: "add TXT records",
      json: missing.map { NewRecord(name: $0.name, content: $0.value, ttl: ttl) })
  }

  /// Removes the records, which are matched by name and text.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    let place = try await place(of: zone)
    for id in records.identities(in: try await existing(records, place)) {
      _ = try await api.send(
        .delete, place + "/records/" + VendorAPI.encoded(id), to: "remove a TXT record",
        accepting: [404])
    }
  }

  // MARK: - Requests

  private func place(of zone: String) async throws -> String {
    "/"
      + VendorAPI.encoded(
        try await zones.identity(of: zone) {
          let all: [Zone] = try await api.send(.get, "", to: "list the zones").decode()
          guard let found = all.first(where: { $0.name.lowercased() == zone }) else {
            throw api.noZone(zone)
          }
          return found.id
        })
  }

  private func existing(
    _ records: [ChallengeRecord], _ place: String
  ) async throws -> [VendorRecord<String>] {
    var query = [("recordType", "TXT")]
    if let name = records.onlyName { query.append(("recordName", name)) }
    let zone: FullZone = try await api.send(
      .get, place, to: "list the TXT records", query: query
    ).decode()
    return (zone.records ?? []).filter { $0.type == "TXT" }
      .map { VendorRecord(id: $0.id, name: $0.name, text: $0.content) }
  }

  // MARK: - JSON

  private struct Zone: Decodable {
    let id: String
    let name: String
  }

  private struct FullZone: Decodable { let records: [Record]? }

  private struct Record: Decodable {
    let id: String
    let name: String
    let type: String
    let content: String
  }

  private struct NewRecord: Encodable {
    let name: String
    let type = "TXT"
    let content: String
    let ttl: Int
    let disabled = false
  }
}
