import ACME
import CertctlBase

/// The API of deSEC, which accepts whole record sets, several in one request.
package struct DeSEC: DNSProvider {
  /// The name and the settings of deSEC.
  package static let descriptor = DNSProviderDescriptor(
    name: "desec", title: "deSEC",
    documentation: "https://desec.readthedocs.io/en/latest/dns/rrsets.html",
    settings: [.init("DESEC_TOKEN", "API token with permission to write TXT records")],
    ttl: 3600, timeLimit: 300)

  private let api: VendorAPI
  private let ttl: Int
  private let zones = VendorZones<Int>()

  /// Creates a client with an API token.
  ///
  /// - Throws: `CertctlError` with code `configuration` if it is missing.
  package init(_ context: DNSProviderContext) throws {
    let token = try context.value("DESEC_TOKEN")
    api = try context.api(
      "https://desec.io/api/v1",
      headers: [HTTPField(name: "Authorization", value: "Token \(token)")])
    ttl = context.ttl
  }

  /// Adds the records that do not exist yet, all or none.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    let lowest = try await lowestTTL(in: zone)
    let sets = records.byLabel(in: zone, apex: "")
    let there = try await texts(of: sets.map(\.label), in: zone)
    try await change(
      sets.compactMap { label, values in
        // An existing record set keeps its TTL, which someone else chose.
        TXTSets.adding(values, to: there[label] ?? []).map {
          RecordSet(label: label, ttl: there[label] == nil ? lowest : nil, records: $0)
        }
      }, in: zone, to: "add TXT records")
  }

  /// Removes the records, and deletes record sets that become empty.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    _ = try await lowestTTL(in: zone)
    let sets = records.byLabel(in: zone, apex: "")
    let there = try await texts(of: sets.map(\.label), in: zone)
    try await change(
      sets.compactMap { label, values in
        TXTSets.removing(values, from: there[label] ?? []).map {
          RecordSet(label: label, ttl: nil, records: $0)
        }
      }, in: zone, to: "remove TXT records")
  }

  // MARK: - Requests

  /// Returns the minimum TTL of the domain: an hour, unless the operators of deSEC allow less.
  private func lowestTTL(in zone: String) async throws -> Int {
    try await zones.identity(of: zone) {
      let answer = try await api.send(
        .get, "/domains/\(VendorAPI.encoded(zone))/", to: "find the zone \(zone)",
        accepting: [404])
      if answer.status == 404 { throw api.noZone(zone) }
      return try answer.decode(Domain.self).lowestTTL ?? ttl
    }
  }

  /// Returns the texts of these names, in the notation of deSEC.
  private func texts(of labels: [String], in zone: String) async throws -> [String: [String]] {
    let what = "list the TXT records"
    var query = [("type", "TXT"), ("cursor", "")]
    if labels.count == 1 { query.append(("subname", labels[0])) }
    var next: String?
    let sets: [RecordSet] = try await api.pages(what) { page in
      let answer =
        if page == 1 {
          try await api.send(.get, path(zone), to: what, query: query)
        } else {
          try await api.send(.get, next ?? path(zone), to: what)
        }
      next = answer.nextPage
      return (try answer.decode(), next != nil)
    }
    return Dictionary(
      sets.filter { $0.type == "TXT" }.map { ($0.label, $0.records) }, uniquingKeysWith: +)
  }

  private func change(_ sets: [RecordSet], in zone: String, to what: String) async throws {
    guard !sets.isEmpty else { return }
    _ = try await api.send(.patch, path(zone), to: what, json: sets)
  }

  private func path(_ zone: String) -> String { "/domains/\(VendorAPI.encoded(zone))/rrsets/" }

  // MARK: - JSON

  private struct Domain: Decodable {
    let lowestTTL: Int?

    private enum CodingKeys: String, CodingKey { case lowestTTL = "minimum_ttl" }
  }

  /// The TXT record set of a name; without records it is deleted.
  private struct RecordSet: Codable {
    let label: String
    var type = "TXT"
    let ttl: Int?
    let records: [String]

    private enum CodingKeys: String, CodingKey {
      case label = "subname"
      case type, ttl, records
    }
  }
}
