import ACME
import CertctlBase

/// The zone API of Infomaniak, version 2.
package struct Infomaniak: DNSProvider {
  /// The name and the settings of Infomaniak.
  package static let descriptor = DNSProviderDescriptor(
    name: "infomaniak", title: "Infomaniak",
    documentation: "https://developer.infomaniak.com/docs/api",
    settings: [
      .init("INFOMANIAK_ACCESS_TOKEN", "API token with the scopes dns:read and dns:write"),
      .init(
        "INFOMANIAK_ENDPOINT", "URL of the API", isSecret: false,
        fallback: "https://api.infomaniak.com"),
    ], ttl: 300, timeLimit: 300)

  private let api: VendorAPI
  private let ttl: Int

  /// Creates a client with an API token.
  ///
  /// - Throws: `CertctlError` with code `configuration` if it is missing.
  package init(_ context: DNSProviderContext) throws {
    let token = try context.value("INFOMANIAK_ACCESS_TOKEN")
    api = try context.api(
      context.url("INFOMANIAK_ENDPOINT") + "/2/zones/",
      headers: [HTTPField(name: "Authorization", value: "Bearer \(token)")])
    ttl = context.ttl
  }

  /// Adds the records that do not exist yet.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    for record in records.missing(from: try await existing(in: zone)) {
      _ = try await api.send(
        .post, path(zone), to: "add a TXT record",
        json: NewRecord(
          source: record.label(in: zone, apex: "."), target: record.value, ttl: ttl))
    }
  }

  /// Removes the records, which are matched by name and text.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    for id in records.identities(in: try await existing(in: zone)) {
      _ = try await api.send(
        .delete, path(zone) + "/\(id)", to: "remove a TXT record", accepting: [404])
    }
  }

  // MARK: - Requests

  private func existing(in zone: String) async throws -> [VendorRecord<Int>] {
    let what = "list the records"
    let found: [Record] = try await api.pages(what) { page in
      let answer = try await api.send(
        .get, path(zone), to: what, query: page > 1 ? [("page", "\(page)")] : [], accepting: [404])
      if answer.status == 404 { throw api.noZone(zone) }
      let list = try answer.decode(List.self)
      return (list.records, page < list.pages ?? 1)
    }
    return found.filter { $0.type == "TXT" }.map { record in
      let label = record.source == "." ? "" : record.source
      return VendorRecord(id: record.id, label: label, in: zone, text: record.target ?? "")
    }
  }

  private func path(_ zone: String) -> String { VendorAPI.encoded(zone) + "/records" }

  // MARK: - JSON

  private struct List: Decodable {
    let records: [Record]
    let pages: Int?

    private enum CodingKeys: String, CodingKey {
      case records = "data"
      case pages
    }
  }

  private struct Record: Decodable {
    let id: Int
    let type: String
    let source: String
    let target: String?
  }

  private struct NewRecord: Encodable {
    let type = "TXT"
    let source: String
    let target: String
    let ttl: Int
  }
}
