import CertctlCore
import FoundationEssentials

/// The user credentials in the file that `gcloud auth application-default login` writes.
struct GoogleUser: Sendable, Decodable {
  private let kind: String
  private let client: String
  private let clientSecret: String
  private let refreshToken: String

  private enum CodingKeys: String, CodingKey {
    case kind = "type"
    case client = "client_id"
    case clientSecret = "client_secret"
    case refreshToken = "refresh_token"
  }

  /// Parses the text of the file.
  ///
  /// - Returns: nil for anything else, such as a service account key.
  init?(_ text: String) {
    guard let user = try? JSONDecoder().decode(Self.self, from: Data(text.utf8)),
      user.kind == "authorized_user"
    else { return nil }
    self = user
  }

  /// The values that must not be printed.
  var secrets: [String] { [clientSecret, refreshToken] }

  /// Exchanges the refresh token for an access token (RFC 6749, section 6).
  func grant(_ api: VendorAPI) async throws -> VendorGrant {
    try await api.post(
      "https://oauth2.googleapis.com/token", to: "get an access token",
      form: [
        ("grant_type", "refresh_token"), ("client_id", client), ("client_secret", clientSecret),
        ("refresh_token", refreshToken),
      ]
    ).decode()
  }

  /// Returns the contents of the file in GOOGLE_APPLICATION_CREDENTIALS; nil if it is not set.
  ///
  /// - Throws: `CertctlError` with code `configuration` if the file cannot be read.
  static func file(_ context: DNSProviderContext) throws -> String? {
    guard let path = context.optional("GOOGLE_APPLICATION_CREDENTIALS") else { return nil }
    return String(
      decoding: try SecretFile(path: path, warn: context.environment.console.warn).read(),
      as: UTF8.self)
  }
}
