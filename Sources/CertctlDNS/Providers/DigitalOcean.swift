import ACME
import CertctlBase

/// The API of DigitalOcean, version 2.
package struct DigitalOcean: DNSProvider {
  /// The name and the settings of DigitalOcean.
  package static let descriptor = DNSProviderDescriptor(
    name: "digitalocean", title: "DigitalOcean",
    documentation: "https://docs.digitalocean.com/reference/api/digitalocean/#tag/Domain-Records",
    settings: [
      .init("DO_AUTH_TOKEN", "personal access token with permission to change domains"),
      .init(
        "DO_API_URL", "URL of the API", isSecret: false,
        fallback: "https://api.digitalocean.com"),
    ],
    ttl: 30)

  private let api: VendorAPI
  private let ttl: Int

  /// Creates a client with a personal access token.
  ///
  /// - Throws: `CertctlError` with code `configuration` if it is missing.
  package init(_ context: DNSProviderContext) throws {
    let token = try context.value("DO_AUTH_TOKEN")
    api = try context.api(
      context.url("DO_API_URL") + "/v2",
      headers: [.init(name: "Authorization", value: "Bearer \(token)")])
    ttl = context.ttl
  }

  /// Adds the records that do not exist yet.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    for record in records.missing(from: try await existing(records, in: zone)) {
      _ = try await api.send(
        .post, path(zone), to: "add a TXT record",
        json: NewRecord(name: record.label(in: zone), data: record.value, ttl: ttl))
    }
  }

  /// Removes the records, which are matched by name and text.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    for id in records.identities(in: try await existing(records, in: zone)) {
      _ = try await api.send(
        .delete, path(zone) + "/\(id)", to: "remove a TXT record", accepting: [404])
    }
  }

  private func existing(
    _ records: [ChallengeRecord], in zone: String
  ) async throws -> [VendorRecord<Int>] {
    let what = "list the TXT records"
    let found: [Record] = try await api.pages(what) { page in
      var query = [("type", "TXT"), ("per_page", "200"), ("page", "\(page)")]
      if let name = records.onlyName { query.insert(("name", name), at: 0) }
      let answer = try await api.send(
        .get, path(zone), to: what, query: query, accepting: [404])
      if answer.status == 404 { throw api.noZone(zone) }
      let list = try answer.decode(List.self)
      return (list.records, list.links?.pages?.next != nil)
    }
    return found.filter { $0.type == "TXT" }
      .map { VendorRecord(id: $0.id, label: $0.name, in: zone, text: $0.data) }
  }

  private func path(_ zone: String) -> String { "/domains/\(VendorAPI.encoded(zone))/records" }

  // MARK: - JSON

  private struct List: Decodable {
    let records: [Record]
    let links: Links?

    private enum CodingKeys: String, CodingKey {
      case records = "domain_records"
      case links
    }
  }

  private struct Links: Decodable { let pages: Pages? }

  private struct Pages: Decodable { let next: String? }

  private struct Record: Decodable {
    let id: Int
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
}
