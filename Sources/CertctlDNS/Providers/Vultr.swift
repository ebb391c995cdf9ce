import ACME
import CertctlBase

/// The API of Vultr, version 2.
package struct Vultr: DNSProvider {
  /// The name and the settings of Vultr.
  package static let descriptor = DNSProviderDescriptor(
    name: "vultr", title: "Vultr", documentation: "https://www.vultr.com/api/#tag/dns",
    settings: [
      .init("VULTR_API_KEY", "API key of the account, with the address of this host allowed")
    ],
    ttl: 120)

  private let api: VendorAPI
  private let ttl: Int

  /// Creates a client with an API key.
  ///
  /// - Throws: `CertctlError` with code `configuration` if it is missing.
  package init(_ context: DNSProviderContext) throws {
    let key = try context.value("VULTR_API_KEY")
    api = try context.api(
      "https://api.vultr.com/v2",
      headers: [.init(name: "Authorization", value: "Bearer \(key)")])
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
          name: record.label(in: zone, apex: ""), data: TXTText.quoted(record.value), ttl: ttl))
    }
  }

  /// Removes the records, which are matched by name and text.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    for id in records.identities(in: try await existing(in: zone)) {
      _ = try await api.send(
        .delete, path(zone) + "/\(VendorAPI.encoded(id))", to: "remove a TXT record",
        accepting: [404])
    }
  }

  /// Returns all TXT records of a zone, because the API has no filter.
  private func existing(in zone: String) async throws -> [VendorRecord<String>] {
    let what = "list the records"
    var cursor = ""
    let found: [Record] = try await api.pages(what) { _ in
      let query = [("per_page", "500")] + (cursor.isEmpty ? [] : [("cursor", cursor)])
      let answer = try await api.send(.get, path(zone), to: what, query: query, accepting: [404])
      if answer.status == 404 { throw api.noZone(zone) }
      let list = try answer.decode(List.self)
      cursor = list.meta?.links?.next ?? ""
      return (list.records, !cursor.isEmpty)
    }
    return found.filter { $0.type == "TXT" }
      .map { VendorRecord(id: $0.id, label: $0.name, in: zone, text: $0.data) }
  }

  private func path(_ zone: String) -> String { "/domains/\(VendorAPI.encoded(zone))/records" }

  // MARK: - JSON

  private struct List: Decodable {
    let records: [Record]
    let meta: Meta?
  }

  private struct Meta: Decodable { let links: Links? }

  private struct Links: Decodable { let next: String? }

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
    let priority = 0
  }
}
