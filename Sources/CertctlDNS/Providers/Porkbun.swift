import CertctlBase

/// The API of Porkbun, version 3, which expects the keys in the body of each request.
package struct Porkbun: DNSProvider {
  /// The name and the settings of Porkbun.
  package static let descriptor = DNSProviderDescriptor(
    name: "porkbun", title: "Porkbun",
    documentation: "https://porkbun.com/api/json/v3/documentation",
    settings: [
      .init("PORKBUN_API_KEY", "API key (pk1_…)"),
      .init("PORKBUN_SECRET_API_KEY", "secret API key (sk1_…)"),
    ], ttl: 600, timeLimit: 600)

  /// The error codes for a domain that is not in the account.
  private static let missing: Set<String> = ["INVALID_DOMAIN", "DOMAIN_NOT_FOUND"]

  private let api: VendorAPI
  private let key: String
  private let secret: String
  private let ttl: Int

  /// Creates a client with both keys.
  ///
  /// - Throws: `CertctlError` with code `configuration` if they are missing.
  package init(_ context: DNSProviderContext) throws {
    key = try context.value("PORKBUN_API_KEY")
    secret = try context.value("PORKBUN_SECRET_API_KEY")
    api = try context.api("https://api.porkbun.com/api/json/v3/dns")
    ttl = context.ttl
  }

  /// Adds the records that do not exist yet.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    for record in records.missing(from: try await existing(records, in: zone)) {
      var body = Body(key: key, secret: secret)
      body.name = record.label(in: zone, apex: "")
      body.type = "TXT"
      body.content = record.value
      body.ttl = String(ttl)
      _ = try await send(
        "/create/" + VendorAPI.encoded(zone), body, "add a TXT record", zone,
        accepting: ["DUPLICATE_RECORD"])
    }
  }

  /// Removes the records, which are matched by name and text.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    for id in records.identities(in: try await existing(records, in: zone)) {
      _ = try await send(
        "/delete/\(VendorAPI.encoded(zone))/\(id.path)", Body(key: key, secret: secret),
        "remove a TXT record", zone)
    }
  }

  // MARK: - Requests

  private func existing(
    _ records: [ChallengeRecord], in zone: String
  ) async throws -> [VendorRecord<VendorIdentity>] {
    var path = "/retrieve/" + VendorAPI.encoded(zone)
    if let name = records.onlyName, let record = records.first(where: { $0.name == name }) {
      let label = record.label(in: zone, apex: "")
      path = "/retrieveByNameType/\(VendorAPI.encoded(zone))/TXT"
      if !label.isEmpty { path += "/" + VendorAPI.encoded(label) }
    }
    let answer = try await send(
      path, Body(key: key, secret: secret), "list the TXT records", zone)
    return (answer.records ?? []).filter { $0.type == "TXT" }
      .map { VendorRecord(id: $0.id, name: $0.name, text: $0.content ?? "") }
  }

  /// Sends a command.
  ///
  /// Errors have status 400, formerly 200, and a code since version 3.7 of the API.
  private func send(
    _ path: String, _ body: Body, _ what: String, _ zone: String, accepting: Set<String> = []
  ) async throws -> Answer {
    let answer: Answer = try await api.send(.post, path, to: what, json: body, accepting: [400])
      .decode()
    let code = answer.code ?? ""
    if answer.status == "SUCCESS" || accepting.contains(code) { return answer }
    let words = answer.message ?? "status \(answer.status)"
    if Self.missing.contains(code) || words.lowercased().hasPrefix("invalid domain") {
      throw api.noZone(zone)
    }
    throw api.failure(what, words, hint: Self.hint(code, words, zone))
  }

  private static func hint(_ code: String, _ words: String, _ zone: String) -> String? {
    if code == "API_ACCESS_DISABLED" || words.contains("opted in") {
      return "enable API access for \(zone) in the domain management of Porkbun"
    }
    return words.contains("API key") || code.hasPrefix("INVALID_API_KEYS")
      ? "check PORKBUN_API_KEY, PORKBUN_SECRET_API_KEY" : nil
  }

  // MARK: - JSON

  private struct Body: Encodable {
    let key: String
    let secret: String
    var name: String?
    var type: String?
    var content: String?
    var ttl: String?

    private enum CodingKeys: String, CodingKey {
      case key = "apikey"
      case secret = "secretapikey"
      case name, type, content, ttl
    }
  }

  private struct Answer: Decodable {
    let status: String
    let message: String?
    let code: String?
    let records: [Record]?
  }

  private struct Record: Decodable {
    let id: VendorIdentity
    let name: String
    let type: String
    let content: String?
  }
}
