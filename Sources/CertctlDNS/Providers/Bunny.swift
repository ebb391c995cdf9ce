import CertctlBase

/// The API of bunny.net, which returns a zone with all its records.
package struct Bunny: DNSProvider {
  /// The name and the settings of bunny.net.
  package static let descriptor = DNSProviderDescriptor(
    name: "bunny", title: "bunny.net",
    documentation: "https://docs.bunny.net/reference/dnszonepublic_index",
    settings: [.init("BUNNY_API_KEY", "API key of the account")], ttl: 60, timeLimit: 300)

  /// The number of zones per page.
  private static let pageSize = 1000
  /// The code of the record type TXT.
  private static let txt = 3

  private let api: VendorAPI
  private let ttl: Int
  private let zones = VendorZones<Int>()

  /// Creates a client with an API key.
  ///
  /// - Throws: `CertctlError` with code `configuration` if it is missing.
  package init(_ context: DNSProviderContext) throws {
    api = try context.api(
      "https://api.bunny.net/dnszone",
      headers: [
        HTTPField(name: "AccessKey", value: try context.value("BUNNY_API_KEY")),
        HTTPField(name: "Accept", value: "application/json"),
      ])
    ttl = context.ttl
  }

  /// Adds the records that do not exist yet.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    let id = try await identity(of: zone)
    for record in records.missing(from: try await existing(in: zone, id)) {
      _ = try await api.send(
        .put, "/\(id)/records", to: "add a TXT record",
        json: NewRecord(
          type: Self.txt, name: record.label(in: zone, apex: ""), value: record.value, ttl: ttl))
    }
  }

  /// Removes the records, which are matched by name and text.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    let id = try await identity(of: zone)
    for record in records.identities(in: try await existing(in: zone, id)) {
      _ = try await api.send(
        .delete, "/\(id)/records/\(record)", to: "remove a TXT record", accepting: [404])
    }
  }

  // MARK: - Requests

  private func identity(of zone: String) async throws -> Int {
    try await zones.identity(of: zone) {
      let what = "find the zone \(zone)"
      // The search also matches parts of names.
      let found: [Zone] = try await api.pages(what) { page in
        let list: List = try await api.send(
          .get, "", to: what,
          query: [("page", "\(page)"), ("perPage", "\(Self.pageSize)"), ("search", zone)]
        ).decode()
        return (list.zones, list.hasMore)
      }
      guard let same = found.first(where: { $0.domain.lowercased() == zone }) else {
        throw api.noZone(zone)
      }
      return same.id
    }
  }

  private func existing(in zone: String, _ id: Int) async throws -> [VendorRecord<Int>] {
    let whole: Zone = try await api.send(.get, "/\(id)", to: "list the records").decode()
    return (whole.records ?? []).filter(\.isTXT)
      .map { VendorRecord(id: $0.id, label: $0.name ?? "", in: zone, text: $0.value ?? "") }
  }

  // MARK: - JSON

  private struct List: Decodable {
    let zones: [Zone]
    let hasMore: Bool

    private enum CodingKeys: String, CodingKey {
      case zones = "Items"
      case hasMore = "HasMoreItems"
    }
  }

  private struct Zone: Decodable {
    let id: Int
    let domain: String
    let records: [Record]?

    private enum CodingKeys: String, CodingKey {
      case id = "Id"
      case domain = "Domain"
      case records = "Records"
    }
  }

  private struct Record: Decodable {
    let id: Int
    /// A number, or a text as in the newer documentation.
    let type: VendorIdentity
    let name: String?
    let value: String?

    var isTXT: Bool { type == .number(Int64(Bunny.txt)) || type == .text("TXT") }

    private enum CodingKeys: String, CodingKey {
      case id = "Id"
      case type = "Type"
      case name = "Name"
      case value = "Value"
    }
  }

  private struct NewRecord: Encodable {
    let type: Int
    let name: String
    let value: String
    let ttl: Int

    private enum CodingKeys: String, CodingKey {
      case type = "Type"
      case name = "Name"
      case value = "Value"
      case ttl = "Ttl"
    }
  }
}
