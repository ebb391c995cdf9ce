import CertctlCore
import FoundationEssentials

/// The credentials of a person, as `gcloud auth application-default login` leaves them in a file.
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

  /// Reads a file's text.
  ///
  /// - Returns: nil for anything else, such as the key of a service account.
  init?(_ text: String) {
    guard let user = try? JSONDecoder().decode(Self.self, from: Data(text.utf8)),
      user.kind == "authorized_user"
    else { return nil }
    self = user
  }

  /// What must not be printed.
  var secrets: [String] { [clientSecret, refreshToken] }

  /// Changes what was kept of the login for a token (RFC 6749, section 6).
  func grant(_ api: VendorAPI) async throws -> VendorGrant {
    try await api.post(
      "https://oauth2.googleapis.com/token", to: "give out an access token",
      form: [
        ("grant_type", "refresh_token"), ("client_id", client), ("client_secret", clientSecret),
        ("refresh_token", refreshToken),
      ]
    ).decode()
  }

  /// The text of the file that Google's own libraries would use; nil when none is named.
  ///
  /// - Throws: `CertctlError` with code `configuration` for a file that cannot be read.
  static func file(_ context: DNSProviderContext) throws -> String? {
    guard let path = context.optional("GOOGLE_APPLICATION_CREDENTIALS") else { return nil }
    return String(
      decoding: try SecretFile(path: path, warn: context.environment.console.warn).read(),
      as: UTF8.self)
  }
}
