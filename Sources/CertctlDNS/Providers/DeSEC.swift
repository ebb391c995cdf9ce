import ACME
import CertctlBase

/// The API of deSEC, which takes whole sets of records and changes many of them in one request.
package struct DeSEC: DNSProvider {
  /// What deSEC is called and needs.
  package static let descriptor = DNSProviderDescriptor(
    name: "desec", title: "deSEC",
    documentation: "https://desec.readthedocs.io/en/latest/dns/rrsets.html",
    settings: [.init("DESEC_TOKEN", "an API token that may write TXT records")],
    ttl: 3600, timeLimit: 300)

  private let api: VendorAPI
  private let ttl: Int
  private let zones = VendorZones<Int>()

  /// A client with a token.
  ///
  /// - Throws: `CertctlError` with code `configuration` where there is none.
  package init(_ context: DNSProviderContext) throws {
    let token = try context.value("DESEC_TOKEN")
    api = try context.api(
      "https://desec.io/api/v1",
      headers: [HTTPField(name: "Authorization", value: "Token \(token)")])
    ttl = context.ttl
  }

  /// Adds the records that are not there yet, all of them or none.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    let lowest = try await lowestTTL(in: zone)
    let sets = records.byLabel(in: zone, apex: "")
    let there = try await texts(of: sets.map(\.label), in: zone)
    try await change(
      sets.compactMap { label, values in
        // A set that is there keeps its time to live: others chose it.
        TXTSets.adding(values, to: there[label] ?? []).map {
          RecordSet(label: label, ttl: there[label] == nil ? lowest : nil, records: $0)
        }
      }, in: zone, to: "add TXT records")
  }

  /// Removes the records, and what has none left.
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

  /// The shortest time to live that deSEC takes here: an hour unless its operators allowed less.
  private func lowestTTL(in zone: String) async throws -> Int {
    try await zones.identity(of: zone) {
      let answer = try await api.send(
        .get, "/domains/\(VendorAPI.encoded(zone))/", to: "find the zone \(zone)",
        accepting: [404])
      if answer.status == 404 { throw api.noZone(zone) }
      return try answer.decode(Domain.self).lowestTTL ?? ttl
    }
  }

  /// The texts of these names, as deSEC writes them.
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

  /// All TXT records of a name; none of them means that it is to be deleted.
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
