import ACME
import CertctlBase

/// The API of netcup's CloudDNS, by its own requests for challenges.
///
/// It puts `_acme-challenge` before each name itself, takes a value that is there already, and says
/// nothing of other records, so they are safe. Other names it would take only as changes of whole
/// revisions of a zone.
struct NetcupCloud: NetcupConsole {
  private static let prefix = "_acme-challenge."
  /// What it says of a key that it does not take, with status 400, and of what is not there.
  private static let wrongKey = "authenticationError"
  private static let missing = "resourceDoesNotExist"

  let api: VendorAPI
  private let zones = VendorZones<VendorIdentity>()

  /// A client.
  ///
  /// - Parameter api: The API, with the key.
  init(api: VendorAPI) { self.api = api }

  /// Adds the records; one that is there already stays.
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

  /// The path of a zone's challenges.
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
          answer.what, "its DNS is not in CloudDNS",
          hint: "give NETCUP_CUSTOMER_NUMBER, NETCUP_API_PASSWORD and, as NETCUP_API_KEY, a legacy "
            + "API key; or choose the provider that has the zone by --dns")
      }
      return found.id
    }
    return "/domain/\(id.path)/acme/challenge"
  }

  /// Checks an answer that may be an error with status 400.
  private func check(_ answer: VendorAnswer) throws {
    let outcome = try? answer.decode(Outcome.self)
    if (200...299).contains(answer.status), outcome?.isDone != false { return }
    let errors = outcome?.errors ?? []
    let words = errors.compactMap(\.message).joined(separator: " ")
    throw api.failure(
      answer.what, words.isEmpty ? "no reason is given" : words,
      hint: errors.contains { $0.code == Self.wrongKey }
        ? "check NETCUP_API_KEY: it must be an API key of the customer control panel, not a "
          + "legacy one, which needs NETCUP_CUSTOMER_NUMBER and NETCUP_API_PASSWORD" : nil)
  }

  /// A record's name as the API wants it: without `_acme-challenge`, and `@` for the zone's own.
  private func scope(_ record: ChallengeRecord, _ zone: String, _ what: String) throws -> String {
    guard record.name.hasPrefix(Self.prefix), record.name != zone else {
      throw api.failure(
        what, "its API takes no name but _acme-challenge, and this is \(record.name)",
        hint: "let the CNAME lead to a name that begins with _acme-challenge")
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
