import ACME
import CertctlBase

/// The Domains API of GoDaddy, version 1.
///
/// It adds single records, but removes them only by replacing the record set of a name.
package struct GoDaddy: DNSProvider {
  /// The name and the settings of GoDaddy.
  package static let descriptor = DNSProviderDescriptor(
    name: "godaddy", title: "GoDaddy",
    documentation: "https://developer.godaddy.com/doc/endpoint/domains",
    settings: [
      .init("GODADDY_API_KEY", "API key for the production environment"),
      .init("GODADDY_API_SECRET", "secret of the API key"),
    ], ttl: 600, timeLimit: 300)

  private let api: VendorAPI
  private let ttl: Int

  /// Creates a client with an API key and its secret.
  ///
  /// - Throws: `CertctlError` with code `configuration` if they are missing.
  package init(_ context: DNSProviderContext) throws {
    let key = try context.value("GODADDY_API_KEY")
    let secret = try context.value("GODADDY_API_SECRET")
    api = try context.api(
      "https://api.godaddy.com/v1/domains/",
      headers: [
        HTTPField(name: "Authorization", value: "sso-key \(key):\(secret)"),
        HTTPField(name: "Accept", value: "application/json"),
      ])
    ttl = context.ttl
  }

  /// Adds the records that do not exist yet, in one request.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    var new: [NewRecord] = []
    for (label, values) in records.byLabel(in: zone) {
      let there = Set(try await existing(label, in: zone).map { TXTText.unquoted($0.data) })
      new += values.filter { !there.contains($0) }
        .map { NewRecord(name: label, data: $0, ttl: ttl) }
    }
    guard !new.isEmpty else { return }
    _ = try await api.send(
      .patch, VendorAPI.encoded(zone) + "/records", to: "add TXT records", json: new)
  }

  /// Removes the records, name by name.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    for (label, values) in records.byLabel(in: zone) {
      let there = try await existing(label, in: zone)
      let rest = there.filter { !values.contains(TXTText.unquoted($0.data)) }
      if rest.count == there.count { continue }
      let what = "remove TXT records"
      if rest.isEmpty {
        _ = try await api.send(.delete, path(label, zone), to: what, accepting: [404])
      } else {
        _ = try await api.send(.put, path(label, zone), to: what, json: rest)
      }
    }
  }

  /// Returns the TXT records of a name; a removed record may remain for a while, without a text.
  private func existing(_ label: String, in zone: String) async throws -> [Record] {
    let answer = try await api.send(
      .get, path(label, zone), to: "list the TXT records", accepting: [403, 404])
    if answer.status == 404 { throw api.noZone(zone) }
    guard answer.status != 403 else {
      throw answer.api.failure(
        answer.what, VendorWords.find(in: answer.body) ?? "HTTP 403",
        hint: "check GODADDY_API_KEY and GODADDY_API_SECRET; the API requires ten domains in the "
          + "account, or the Discount Domain Club")
    }
    return try answer.decode([Record].self).filter { !$0.data.isEmpty }
  }

  private func path(_ label: String, _ zone: String) -> String {
    "\(VendorAPI.encoded(zone))/records/TXT/\(VendorAPI.encoded(label))"
  }

  // MARK: - JSON

  private struct Record: Codable {
    let data: String
    let ttl: Int?
  }

  private struct NewRecord: Encodable {
    let type = "TXT"
    let name: String
    let data: String
    let ttl: Int
  }
}
