package import FoundationEssentials

/// A cache of an access token (RFC 6749, section 5.1) until shortly before it expires.
package actor VendorToken {
  /// The time before its expiry at which a token is replaced, in seconds.
  private static let margin = 60.0

  private var held: (text: String, end: Date)?

  /// Creates an empty cache.
  package init() {}

  /// Returns the cached token, or fetches a new one.
  ///
  /// - Parameters:
  ///   - now: The current time.
  ///   - fetch: Requests a token from the service.
  /// - Returns: The token, without the word `Bearer`.
  /// - Throws: The errors of `fetch`.
  package func text(
    at now: Date, _ fetch: @Sendable () async throws -> VendorGrant
  ) async throws -> String {
    if let held, held.end > now { return held.text }
    let grant = try await fetch()
    held = (grant.token, now.addingTimeInterval(Double(grant.seconds) - Self.margin))
    return grant.token
  }
}

/// The response to a token request.
package struct VendorGrant: Sendable, Decodable {
  /// The token.
  let token: String
  /// The lifetime in seconds; 3600 if the response has none.
  let seconds: Int

  private enum CodingKeys: String, CodingKey {
    case token = "access_token"
    case seconds = "expires_in"
  }

  /// Decodes the response; the metadata service of Azure sends the seconds as a string.
  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    token = try fields.decode(String.self, forKey: .token)
    let number = try? fields.decode(Int.self, forKey: .seconds)
    let text = try? fields.decode(String.self, forKey: .seconds)
    seconds = number ?? text.flatMap { Int($0) } ?? 3600
  }
}
