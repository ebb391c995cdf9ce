package import FoundationEssentials

/// An access token that a service gives out for a while, got once and kept until shortly before it
/// ends (RFC 6749, section 5.1).
package actor VendorToken {
  /// How long before its end a token is given up, in seconds.
  private static let margin = 60.0

  private var held: (text: String, end: Date)?

  /// There is no token yet.
  package init() {}

  /// The token.
  ///
  /// - Parameters:
  ///   - now: The present moment.
  ///   - fetch: Asks the service for a token.
  /// - Returns: The token, without the word `Bearer`.
  /// - Throws: What `fetch` throws.
  package func text(
    at now: Date, _ fetch: @Sendable () async throws -> VendorGrant
  ) async throws -> String {
    if let held, held.end > now { return held.text }
    let grant = try await fetch()
    held = (grant.token, now.addingTimeInterval(Double(grant.seconds) - Self.margin))
    return grant.token
  }
}

/// A service's answer to the request for a token.
package struct VendorGrant: Sendable, Decodable {
  /// The token.
  let token: String
  /// The lifetime in seconds; an hour if the answer gives none.
  let seconds: Int

  private enum CodingKeys: String, CodingKey {
    case token = "access_token"
    case seconds = "expires_in"
  }

  /// Reads the answer; Azure's machines write the seconds as a string.
  package init(from decoder: any Decoder) throws {
    let fields = try decoder.container(keyedBy: CodingKeys.self)
    token = try fields.decode(String.self, forKey: .token)
    let number = try? fields.decode(Int.self, forKey: .seconds)
    let text = try? fields.decode(String.self, forKey: .seconds)
    seconds = number ?? text.flatMap { Int($0) } ?? 3600
  }
}
