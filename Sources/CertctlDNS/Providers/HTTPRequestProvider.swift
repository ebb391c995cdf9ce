import ACME
import CertctlBase
import FoundationEssentials

/// A server that implements the protocol of lego's provider `httpreq`: one request per record.
///
/// In RAW mode the server gets domain, token and key authorization, and computes the record itself.
package struct HTTPRequestProvider: DNSProvider {
  /// The name and the settings of the provider.
  package static let descriptor = DNSProviderDescriptor(
    name: "httpreq", title: "httpreq server",
    documentation: "https://go-acme.github.io/lego/dns/httpreq/",
    settings: [
      .init("HTTPREQ_ENDPOINT", "URL of the server", isSecret: false),
      .init(
        "HTTPREQ_MODE", "RAW to send domain, token and key authorization instead of name and value",
        isSecret: false, fallback: ""),
      .init(
        "HTTPREQ_USERNAME", "user name for basic authentication", isSecret: false, fallback: ""),
      .init("HTTPREQ_PASSWORD", "password for basic authentication", fallback: ""),
    ], ttl: 60, timeLimit: 600)

  private let api: VendorAPI
  private let isRaw: Bool

  /// Creates a client for a server.
  ///
  /// - Throws: `CertctlError` with code `configuration` for an invalid URL or mode, or if only one
  ///   of user name and password is set.
  package init(_ context: DNSProviderContext) throws {
    let mode = context.optional("HTTPREQ_MODE")
    guard mode == nil || mode == "RAW" else {
      throw context.wrong("HTTPREQ_MODE", "must be RAW or empty")
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
        user == nil ? "HTTPREQ_USERNAME" : "HTTPREQ_PASSWORD",
        "is missing: user name and password must be set together")
    }
    api = try context.api(context.url("HTTPREQ_ENDPOINT"), headers: headers, secrets: secrets)
  }

  /// Requests the creation of each record.
  ///
  /// - Throws: `CertctlError`, `CancellationError`.
  package func publish(_ records: [ChallengeRecord], in zone: String) async throws {
    for record in records { try await send(record, "/present", "add a TXT record") }
  }

  /// Requests the removal of each record.
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
