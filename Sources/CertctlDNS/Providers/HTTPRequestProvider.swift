import ACME
import CertctlBase
import FoundationEssentials

/// Any server that speaks the protocol of lego's provider `httpreq`: one request for each record.
///
/// In its mode RAW the server gets domain, token and key authorization, and computes the rest.
package struct HTTPRequestProvider: DNSProvider {
  /// What it is called and needs.
  package static let descriptor = DNSProviderDescriptor(
    name: "httpreq", title: "the httpreq server",
    documentation: "https://go-acme.github.io/lego/dns/httpreq/",
    settings: [
      .init("HTTPREQ_ENDPOINT", "the server's address", isSecret: false),
      .init(
        "HTTPREQ_MODE", "RAW for domain, token and key authorization instead of name and text",
        isSecret: false, fallback: ""),
      .init(
        "HTTPREQ_USERNAME", "the user, for basic authentication", isSecret: false, fallback: ""),
      .init("HTTPREQ_PASSWORD", "the password", fallback: ""),
    ], ttl: 60, timeLimit: 600)

  private let api: VendorAPI
  private let isRaw: Bool

  /// A client of a server.
  ///
  /// - Throws: `CertctlError` with code `configuration` for a wrong address or mode, and for one of
  ///   user and password without the other.
  package init(_ context: DNSProviderContext) throws {
    let mode = context.optional("HTTPREQ_MODE")
    guard mode == nil || mode == "RAW" else {
      throw context.wrong("HTTPREQ_MODE", "can be RAW only, or nothing")
    }
    isRaw = mode != nil
    var headers = [HTTPField(name: "Accept", value: "application/json")]
    var secrets: [String] = []
    let user = context.optional("HTTPREQ_USERNAME")
    let password = context.optional("HTTPREQ_PASSWORD")
    if let user, let password {
      let credentials = Data("\(user):\(password)".utf8).base64EncodedString()
      headers.append(HTTPField(name: "Authorization", value: "Basic \(credentials)"))
      secrets.append(credentials)
    } else if user != nil || password != nil {
      throw context.wrong(
        user == nil ? "HTTPREQ_USERNAME" : "HTTPREQ_PASSWORD", "is missing beside the other one")
    }
    api = try context.api(context.url("HTTPREQ_ENDPOINT"), headers: headers, secrets: secrets)
  }

  /// Asks for each record.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    for record in records { try await send(record, "/present", "add a TXT record") }
  }

  /// Asks for the removal of each record.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func remove(_ records: [ChallengeRecord], in zone: String) async throws {
    for record in records { try await send(record, "/cleanup", "remove a TXT record") }
  }

  private func send(_ record: ChallengeRecord, _ path: String, _ what: String) async throws {
    if isRaw {
      _ = try await api.send(
        .post, path, to: what,
        json: ["domain": record.domain, "token": record.token, "keyAuth": record.keyAuthorization])
    } else {
      _ = try await api.send(
        .post, path, to: what, json: ["fqdn": record.name + ".", "value": record.value])
    }
  }
}
