import ACME
import CertctlBase

/// Gandi LiveDNS, version 5; each name has one resource for all values.
package struct Gandi: DNSProvider {
  /// The name and the settings of Gandi.
  package static let descriptor = DNSProviderDescriptor(
    name: "gandi", title: "Gandi", documentation: "https://api.gandi.net/docs/livedns/",
    settings: [
      .init(
        "GANDIV5_PERSONAL_ACCESS_TOKEN",
        "personal access token with permission to manage domain technical configurations"),
      .init("GANDIV5_API_KEY", "API key, deprecated by Gandi in favor of tokens"),
    ],
    ways: [["GANDIV5_PERSONAL_ACCESS_TOKEN"], ["GANDIV5_API_KEY"]],
    ttl: 300, timeLimit: 1200, aliases: ["gandiv5"])

  private let api: VendorAPI
  private let ttl: Int
  private let zones = VendorZones<String>()

  /// Creates a client with a token, or with an API key if there is no token.
  ///
  /// - Throws: `CertctlError` with code `configuration` if there is neither.
  package init(_ context: DNSProviderContext) throws {
    let credentials =
      if let token = context.optional("GANDIV5_PERSONAL_ACCESS_TOKEN") {
        "Bearer \(token)"
      } else {
        "Apikey \(try context.value("GANDIV5_API_KEY"))"
      }
    api = try context.api(
      "https://api.gandi.net/v5/livedns",
      headers: [.init(name: "Authorization", value: credentials)])
    ttl = context.ttl
  }

  /// Adds the missing values to the record set of each name.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    try await find(zone)
    for (name, values) in records.byName {
      let set = try await set(name, zone)
      let there = (set?.values ?? []).map(TXTText.unquoted)
      let missing = values.filter { !there.contains($0) }.map(TXTText.quoted)
      if missing.isEmpty { continue }
      // All values share one TTL, so an existing one is kept.
      try await write(
        RecordSet(values: (set?.values ?? []) + missing, ttl: set?.ttl ?? ttl), name, zone)
    }
  }

  /// Removes the values, and deletes record sets that become empty.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    try await find(zone)
    for (name, values) in records.byName {
      guard let set = try await set(name, zone) else { continue }
      let left = set.values.filter { !values.contains(TXTText.unquoted($0)) }
      if left.count == set.values.count { continue }
      if left.isEmpty {
        _ = try await api.send(
          .delete, path(name, zone), to: "remove a TXT record", accepting: [404])
      } else {
        try await write(RecordSet(values: left, ttl: set.ttl), name, zone)
      }
    }
  }

  /// Checks that the zone exists; the API does not tell a missing zone from a name without records.
  private func find(_ zone: String) async throws {
    _ = try await zones.identity(of: zone) {
      let answer = try await api.send(
        .get, "/domains/\(VendorAPI.encoded(zone))", to: "find the zone \(zone)", accepting: [404])
      if answer.status == 404 { throw api.noZone(zone) }
      return zone
    }
  }

  private func set(_ name: String, _ zone: String) async throws -> RecordSet? {
    let answer = try await api.send(
      .get, path(name, zone), to: "read the TXT records", accepting: [404])
    return answer.status == 404 ? nil : try answer.decode()
  }

  private func write(_ set: RecordSet, _ name: String, _ zone: String) async throws {
    _ = try await api.send(.put, path(name, zone), to: "write the TXT records", json: set)
  }

  private func path(_ name: String, _ zone: String) -> String {
    let label = ChallengeRecord(name: name, value: "", domain: "").label(in: zone)
    return "/domains/\(VendorAPI.encoded(zone))/records/\(VendorAPI.segment(label))/TXT"
  }

  private struct RecordSet: Codable {
    let values: [String]
    let ttl: Int

    private enum CodingKeys: String, CodingKey {
      case values = "rrset_values"
      case ttl = "rrset_ttl"
    }
  }
}
