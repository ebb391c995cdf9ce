package import ACME
package import CertctlCore
package import CertctlDNS
import CertctlSystem

/// The challenge types that certctl supports: one file and one line here for each.
package enum Catalog {
  /// The challenge types; if several are suitable, the first one is used.
  static let challengeMethods: [ChallengeMethod] = [
    .http01,
    .dns01,
    .tlsALPN01,
    .dnsAccount01,
    .dnsPersist01,
  ]

  /// The names of the challenge types, sorted.
  package static var solverTypes: [String] { challengeMethods.map(\.type.rawValue).sorted() }

  /// Returns the default challenge type.
  ///
  /// - Parameter hasProvider: Whether a DNS provider is set, so that its challenge type is used.
  /// - Returns: The first type that requires no setting, or only the provider.
  package static func usualChallenge(hasProvider: Bool = false) -> ChallengeType {
    let wanted =
      hasProvider ? ChallengeMethod.Fallback.whenSet(.provider) : ChallengeMethod.Fallback.always
    return (challengeMethods.first { $0.fallback == wanted } ?? challengeMethods[0]).type
  }

  /// Returns the descriptor of a challenge type; nil if this certctl does not support it.
  static func knownMethod(_ type: ChallengeType) -> ChallengeMethod? {
    challengeMethods.first { $0.type == type }
  }

  /// Returns the descriptor of a challenge type.
  ///
  /// - Throws: `CertctlError` with code `usage` if it is not one of `challengeMethods`.
  static func challengeMethod(_ type: ChallengeType) throws -> ChallengeMethod {
    if let method = knownMethod(type) { return method }
    throw CertctlError(
      .usage,
      "certctl does not support the challenge type '\(type.rawValue)'",
      hint: "use --challenge with one of: \(solverTypes.joined(separator: ", "))")
  }

  /// Creates the solver for these settings.
  ///
  /// - Throws: `CertctlError` with code `usage` for an unsupported challenge type.
  package static func solver(
    for settings: ChallengeSettings, in context: SolverContext
  ) throws -> any ChallengeSolver {
    try challengeMethod(settings.type).solver(settings)
      .init(settings: settings, context: context)
  }
}
