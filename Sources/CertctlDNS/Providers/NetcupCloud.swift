import ACME
import CertctlBase

/// The ACME challenge requests of the netcup CloudDNS API.
///
/// The service prepends `_acme-challenge` to each name, accepts values that already exist, and
/// leaves other records untouched. Other names would require a new revision of the whole zone.
struct NetcupCloud: NetcupConsole {
  private static let prefix = "_acme-challenge."
  /// The error codes for a rejected key, with status 400, and for a missing resource.
  private static let wrongKey = "authenticationError"
  private static let missing = "resourceDoesNotExist"

  let api: VendorAPI
  private let zones = VendorZones<VendorIdentity>()

  /// Creates a client.
  ///
  /// - Parameter api: The HTTP client, with the key.
  init(api: VendorAPI) { self.api = api }

  /// Adds the records; existing ones are kept.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    let what = "add a TXT record"
    let scopes = try records.map { try scope($0, zone, what) }
    let path = try await path(zone)
    for (record, scope) in zip(records, scopes) {
      let answer = try await api.send(
        .post, path, to: what, json: Challenge(scope: scope, value: record.value), accepting: [400])
      try check(answer)
    }
  }

  /// Removes the records.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    let what = "remove a TXT record"
    let scopes = try records.map { try scope($0, zone, what) }
    let path = try await path(zone)
    for (record, scope) in zip(records, scopes) {
      let answer = try await api.send(
        .delete,
        "\(path)/\(VendorAPI.segment(scope))/\(VendorAPI.encoded(record.value))", to: what,
        accepting: [400, 404])
      if answer.status == 400 { try check(answer) }
    }
  }

  // MARK: - Requests

  /// Returns the path of a zone's challenges.
  private func path(_ zone: String) async throws -> String {
    let id = try await zones.identity(of: zone) {
      let answer = try await api.send(
        .get, "/domain", to: "find the zone \(zone)", query: [("fqdn", zone)],
        accepting: [400, 404])
      let errors = try answer.decode(Outcome.self).errors ?? []
      if errors.contains(where: { $0.code == Self.missing }) { throw api.noZone(zone) }
      try check(answer)
      let list: List = try answer.decode()
      guard let found = list.domains.first(where: { $0.name.lowercased() == zone }) else {
        throw api.noZone(zone)
      }
      guard found.isManaged != false else {
        throw api.failure(
          answer.what, "the DNS of the domain is not in CloudDNS",
          hint: "set NETCUP_API_KEY to a legacy API key, with NETCUP_CUSTOMER_NUMBER and "
            + "NETCUP_API_PASSWORD, or use --dns with the provider that hosts \(zone)")
      }
      return found.id
    }
    return "/domain/\(id.path)/acme/challenge"
  }

  /// Checks a response, which may be an error with status 400.
  private func check(_ answer: VendorAnswer) throws {
    let outcome = try? answer.decode(Outcome.self)
    if (200...299).contains(answer.status), outcome?.isDone != false { return }
    let errors = outcome?.errors ?? []
    let words = errors.compactMap(\.message).joined(separator: " ")
    throw api.failure(
      answer.what, words.isEmpty ? "no reason given" : words,
      hint: errors.contains { $0.code == Self.wrongKey }
        ? "check NETCUP_API_KEY; a legacy API key also requires NETCUP_CUSTOMER_NUMBER and "
          + "NETCUP_API_PASSWORD" : nil)
  }

  /// Returns a record's name as the API expects it: without `_acme-challenge`, `@` for the apex.
  private func scope(_ record: ChallengeRecord, _ zone: String, _ what: String) throws -> String {
    guard record.name.hasPrefix(Self.prefix), record.name != zone else {
      throw api.failure(
        what, "the API accepts only names that start with _acme-challenge, not \(record.name)",
        hint: "point the CNAME to a name that starts with _acme-challenge")
    }
    let name = String(record.name.dropFirst(Self.prefix.count))
    return ChallengeRecord(name: name, value: "", domain: "").label(in: zone)
  }

  // MARK: - JSON

  private struct Challenge: Encodable {
    let scope: String
    let value: String
  }

  private struct Outcome: Decodable {
    let isDone: Bool?
    let errors: [Message]?

    private enum CodingKeys: String, CodingKey {
      case isDone = "success"
      case errors
    }
  }

  private struct List: Decodable {
    let domains: [Domain]

    private enum CodingKeys: String, CodingKey { case domains = "result" }
  }

  private struct Message: Decodable {
    let code: String?
    let message: String?
  }

  private struct Domain: Decodable {
    let id: VendorIdentity
    let name: String
    let isManaged: Bool?

    private enum CodingKeys: String, CodingKey {
      case id
      case name = "fqdn"
      case isManaged = "isDnsManaged"
    }
  }
}
