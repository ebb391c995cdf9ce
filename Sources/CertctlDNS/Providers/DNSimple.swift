import ACME
import CertctlBase

/// The API of DNSimple, version 2.
package struct DNSimple: DNSProvider {
  /// The name and the settings of DNSimple.
  package static let descriptor = DNSProviderDescriptor(
    name: "dnsimple", title: "DNSimple",
    documentation: "https://developer.dnsimple.com/v2/zones/records/",
    settings: [
      .init("DNSIMPLE_OAUTH_TOKEN", "account API token, not a user token"),
      .init(
        "DNSIMPLE_BASE_URL", "URL of the API", isSecret: false,
        fallback: "https://api.dnsimple.com"),
    ], ttl: 60, timeLimit: 300)

  private let api: VendorAPI
  private let ttl: Int
  private let accounts = VendorZones<Int>()

  /// Creates a client with an API token.
  ///
  /// - Throws: `CertctlError` with code `configuration` if it is missing.
  package init(_ context: DNSProviderContext) throws {
    let token = try context.value("DNSIMPLE_OAUTH_TOKEN")
    api = try context.api(
      context.url("DNSIMPLE_BASE_URL") + "/v2",
      headers: [
        HTTPField(name: "Authorization", value: "Bearer \(token)"),
        HTTPField(name: "Accept", value: "application/json"),
      ])
    ttl = context.ttl
  }

  /// Adds the records that do not exist yet.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    let path = try await path(zone)
    for record in records.missing(from: try await existing(records, in: zone, path)) {
      _ = try await api.send(
        .post, path, to: "add a TXT record",
        json: NewRecord(name: record.label(in: zone, apex: ""), content: record.value, ttl: ttl))
    }
  }

  /// Removes the records, which are matched by name and text.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    let path = try await path(zone)
    for id in records.identities(in: try await existing(records, in: zone, path)) {
      _ = try await api.send(.delete, path + "/\(id)", to: "remove a TXT record", accepting: [404])
    }
  }

  // MARK: - Requests

  private func path(_ zone: String) async throws -> String {
    let account = try await accounts.identity(of: "") {
      let what = "find the account"
      let answer: Answer<Identity> = try await api.send(.get, "/whoami", to: what).decode()
      guard let account = answer.data.account else {
        throw api.failure(
          what, "DNSIMPLE_OAUTH_TOKEN is a user token, not an account token",
          hint: "create an API token in the settings of the account")
      }
      return account.id
    }
    return "/\(account)/zones/\(VendorAPI.encoded(zone))/records"
  }

  private func existing(
    _ records: [ChallengeRecord], in zone: String, _ path: String
  ) async throws -> [VendorRecord<Int>] {
    let what = "list the TXT records"
    let found: [Record] = try await api.pages(what) { page in
      var query = [("type", "TXT"), ("per_page", "100"), ("page", "\(page)")]
      if let name = records.onlyName, let record = records.first(where: { $0.name == name }) {
        query.insert(("name", record.label(in: zone, apex: "")), at: 0)
      }
      let answer = try await api.send(.get, path, to: what, query: query, accepting: [404])
      if answer.status == 404 { throw api.noZone(zone) }
      let list = try answer.decode(Answer<[Record]>.self)
      return (list.data, page < list.pagination?.pages ?? 1)
    }
    return found.filter { $0.type == "TXT" }
      .map { VendorRecord(id: $0.id, label: $0.name, in: zone, text: $0.content) }
  }

  // MARK: - JSON

  private struct Answer<Result: Decodable>: Decodable {
    let data: Result
    let pagination: Pagination?
  }

  private struct Pagination: Decodable {
    let pages: Int

    private enum CodingKeys: String, CodingKey { case pages = "total_pages" }
  }

  private struct Identity: Decodable { let account: Account? }

  private struct Account: Decodable { let id: Int }

  private struct Record: Decodable {
    let id: Int
    let type: String
    let name: String
    let content: String
  }

  private struct NewRecord: Encodable {
    let type = "TXT"
    let name: String
    let content: String
    let ttl: Int
  }
}
