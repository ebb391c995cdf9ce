import ACME
import CertctlBase
import FoundationEssentials

/// The API of Linode (Akamai), version 4.
package struct Linode: DNSProvider {
  /// The name and the settings of Linode.
  package static let descriptor = DNSProviderDescriptor(
    name: "linode", title: "Linode",
    documentation: "https://techdocs.akamai.com/linode-api/reference",
    settings: [
      .init("LINODE_TOKEN", "personal access token with the scope Domains: Read/Write")
    ],
    // The name servers load changes every 15 minutes.
    ttl: 300, timeLimit: 1200)

  private let api: VendorAPI
  private let ttl: Int
  private let zones = VendorZones<Int>()

  /// Creates a client with a personal access token.
  ///
  /// - Throws: `CertctlError` with code `configuration` if it is missing.
  package init(_ context: DNSProviderContext) throws {
    let token = try context.value("LINODE_TOKEN")
    api = try context.api(
      "https://api.linode.com/v4",
      headers: [.init(name: "Authorization", value: "Bearer \(token)")])
    ttl = context.ttl
  }

  /// Adds the records that do not exist yet.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    let id = try await identity(of: zone)
    for record in records.missing(from: try await existing(in: id, zone)) {
      _ = try await api.send(
        .post, "/domains/\(id)/records", to: "add a TXT record",
        json: NewRecord(name: record.label(in: zone, apex: ""), target: record.value, ttl: ttl))
    }
  }

  /// Removes the records, which are matched by name and text.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    let id = try await identity(of: zone)
    for record in records.identities(in: try await existing(in: id, zone)) {
      _ = try await api.send(
        .delete, "/domains/\(id)/records/\(record)", to: "remove a TXT record", accepting: [404])
    }
  }

  private func identity(of zone: String) async throws -> Int {
    try await zones.identity(of: zone) {
      let filter = String(decoding: try JSONEncoder().encode(["domain": zone]), as: UTF8.self)
      let found: Page<Domain> = try await api.send(
        .get, "/domains", to: "find the zone \(zone)",
        headers: [.init(name: "X-Filter", value: filter)]
      ).decode()
      guard let domain = found.data.first(where: { $0.domain == zone }) else {
        throw api.noZone(zone)
      }
      return domain.id
    }
  }

  /// Returns all TXT records of a zone, because the API has no filter.
  private func existing(in id: Int, _ zone: String) async throws -> [VendorRecord<Int>] {
    let what = "list the records"
    let found: [Record] = try await api.pages(what) { page in
      let answer: Page<Record> = try await api.send(
        .get, "/domains/\(id)/records", to: what,
        query: [("page", "\(page)"), ("page_size", "500")]
      ).decode()
      return (answer.data, page < answer.pages)
    }
    return found.filter { $0.type == "TXT" }
      .map { VendorRecord(id: $0.id, label: $0.name, in: zone, text: $0.target) }
  }

  // MARK: - JSON

  private struct Page<Entry: Decodable>: Decodable {
    let data: [Entry]
    let pages: Int
  }

  private struct Domain: Decodable {
    let id: Int
    let domain: String
  }

  private struct Record: Decodable {
    let id: Int
    let type: String
    let name: String
    let target: String
  }

  private struct NewRecord: Encodable {
    let type = "TXT"
    let name: String
    let target: String
    let ttl: Int

    private enum CodingKeys: String, CodingKey {
      case type, name, target
      case ttl = "ttl_sec"
    }
  }
}
