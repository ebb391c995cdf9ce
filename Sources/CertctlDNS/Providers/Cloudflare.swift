import ACME
import CertctlBase

/// The API of Cloudflare, version 4.
///
/// Changes of a zone are sent as one batch, which Cloudflare applies atomically.
package struct Cloudflare: DNSProvider {
  /// The name and the settings of Cloudflare.
  package static let descriptor = DNSProviderDescriptor(
    name: "cloudflare", title: "Cloudflare",
    documentation: "https://developers.cloudflare.com/api/resources/dns/subresources/records/",
    settings: [
      .init(
        "CLOUDFLARE_DNS_API_TOKEN",
        "API token with the permissions Zone:DNS:Edit and Zone:Zone:Read",
        aliases: ["CF_DNS_API_TOKEN"]),
      .init(
        "CLOUDFLARE_ZONE_API_TOKEN",
        "API token with Zone:Zone:Read, if CLOUDFLARE_DNS_API_TOKEN lacks this permission",
        aliases: ["CF_ZONE_API_TOKEN"], fallback: ""),
      .init(
        "CLOUDFLARE_EMAIL", "e-mail address of the account, for the global API key",
        aliases: ["CF_API_EMAIL"], isSecret: false),
      .init(
        "CLOUDFLARE_API_KEY", "global API key of the account; an API token is safer",
        aliases: ["CF_API_KEY"]),
      .init(
        "CLOUDFLARE_BASE_URL", "URL of the API", isSecret: false,
        fallback: "https://api.cloudflare.com/client/v4"),
    ],
    ways: [["CLOUDFLARE_DNS_API_TOKEN"], ["CLOUDFLARE_EMAIL", "CLOUDFLARE_API_KEY"]],
    ttl: 60, timeLimit: 180)

  /// The number of records per page, and the maximum per batch on all plans.
  private static let pageSize = 100

  private let api: VendorAPI
  private let zoneHeaders: [HTTPField]
  private let recordHeaders: [HTTPField]
  private let ttl: Int
  private let zones = VendorZones<String>()

  /// Creates a client with one or two API tokens, or with the global API key.
  ///
  /// - Throws: `CertctlError` with code `configuration` if there is neither.
  package init(_ context: DNSProviderContext) throws {
    if let token = context.optional("CLOUDFLARE_DNS_API_TOKEN") {
      recordHeaders = [Self.bearer(token)]
      zoneHeaders = [Self.bearer(context.optional("CLOUDFLARE_ZONE_API_TOKEN") ?? token)]
    } else {
      recordHeaders = [
        HTTPField(name: "X-Auth-Email", value: try context.value("CLOUDFLARE_EMAIL")),
        HTTPField(name: "X-Auth-Key", value: try context.value("CLOUDFLARE_API_KEY")),
      ]
      zoneHeaders = recordHeaders
    }
    api = try context.api(context.url("CLOUDFLARE_BASE_URL"))
    ttl = context.ttl
  }

  /// Adds the records that do not exist yet.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    let id = try await identity(of: zone)
    let missing = records.missing(from: try await existing(records, in: id))
      .map { NewRecord(name: $0.name, content: TXTText.quoted($0.value), ttl: ttl) }
    try await change(id, "add TXT records", missing) { Batch(posts: $0) }
  }

  /// Removes the records, which are matched by name and text.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    let id = try await identity(of: zone)
    let ours = records.identities(in: try await existing(records, in: id)).map(Reference.init)
    try await change(id, "remove TXT records", ours) { Batch(deletes: $0) }
  }

  // MARK: - Requests

  private func identity(of zone: String) async throws -> String {
    try await zones.identity(of: zone) {
      let found: Answer<[Zone]> = try await api.send(
        .get, "/zones", to: "find the zone \(zone)", query: [("name", zone)], headers: zoneHeaders
      ).decode()
      let same = found.result.filter { $0.name == zone }
      // During a move a zone may be in two accounts, but only one of them is active.
      guard let best = same.first(where: { $0.status == "active" }) ?? same.first else {
        throw api.noZone(
          zone, or: "grant the token Zone:Zone:Read, without which Cloudflare lists no zones")
      }
      return best.id
    }
  }

  private func existing(
    _ records: [ChallengeRecord], in id: String
  ) async throws -> [VendorRecord<String>] {
    let what = "list the TXT records"
    let found: [Record] = try await api.pages(what) { page in
      var query = [("type", "TXT"), ("per_page", "\(Self.pageSize)"), ("page", "\(page)")]
      if let name = records.onlyName { query.insert(("name.exact", name), at: 0) }
      let answer: Answer<[Record]> = try await api.send(
        .get, "/zones/\(VendorAPI.encoded(id))/dns_records", to: what, query: query,
        headers: recordHeaders
      ).decode()
      return (answer.result, page < answer.pages?.count ?? 1)
    }
    return found.filter { $0.type == "TXT" }
      .map { VendorRecord(id: $0.id, name: $0.name, text: $0.content ?? "") }
  }

  /// Sends the changes in batches of the maximum size.
  private func change<One>(
    _ id: String, _ what: String, _ changes: [One], _ batch: ([One]) -> Batch
  ) async throws {
    for start in stride(from: 0, to: changes.count, by: Self.pageSize) {
      let end = min(start + Self.pageSize, changes.count)
      _ = try await api.send(
        .post, "/zones/\(VendorAPI.encoded(id))/dns_records/batch", to: what,
        headers: recordHeaders, json: batch(Array(changes[start..<end])))
    }
  }

  private static func bearer(_ token: String) -> HTTPField {
    HTTPField(name: "Authorization", value: "Bearer \(token)")
  }

  // MARK: - JSON

  private struct Answer<Result: Decodable>: Decodable {
    let result: Result
    let pages: Pages?

    private enum CodingKeys: String, CodingKey {
      case result
      case pages = "result_info"
    }
  }

  private struct Pages: Decodable {
    let count: Int?

    private enum CodingKeys: String, CodingKey { case count = "total_pages" }
  }

  private struct Zone: Decodable {
    let id: String
    let name: String
    let status: String?
  }

  private struct Record: Decodable {
    let id: String
    let type: String
    let name: String
    let content: String?
  }

  private struct NewRecord: Encodable {
    let type = "TXT"
    let name: String
    let content: String
    let ttl: Int
  }

  private struct Reference: Encodable { let id: String }

  private struct Batch: Encodable {
    var posts: [NewRecord]?
    var deletes: [Reference]?
  }
}
