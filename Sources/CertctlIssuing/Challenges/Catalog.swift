package import ACME
package import CertctlCore
package import CertctlDNS
import CertctlSystem

/// Every challenge type that certctl can answer: one file and one line here for each.
package enum Catalog {
  /// The challenge types; where several would do, the first is taken.
  static let challengeMethods: [ChallengeMethod] = [
    .http01,
    .dns01,
    .tlsALPN01,
    .dnsAccount01,
    .dnsPersist01,
  ]

  /// The challenge types, as words.
  package static var solverTypes: [String] { challengeMethods.map(\.type.rawValue).sorted() }

  /// The challenge type where none is named.
  ///
  /// - Parameter hasProvider: Whether a DNS provider is given; its challenge type is then the default.
  /// - Returns: The first type of the list that needs nothing, or that needs only the provider.
  package static func usualChallenge(hasProvider: Bool = false) -> ChallengeType {
    let wanted =
      hasProvider ? ChallengeMethod.Fallback.whenSet(.provider) : ChallengeMethod.Fallback.always
    return (challengeMethods.first { $0.fallback == wanted } ?? challengeMethods[0]).type
  }

  /// The descriptor of a challenge type; nil for a word that a CA or another version of certctl has.
  static func knownMethod(_ type: ChallengeType) -> ChallengeMethod? {
    challengeMethods.first { $0.type == type }
  }

  /// The descriptor of a challenge type.
  ///
  /// - Throws: `CertctlError` with code `usage` for one that is not among `challengeMethods`.
  static func challengeMethod(_ type: ChallengeType) throws -> ChallengeMethod {
    if let method = knownMethod(type) { return method }
    throw CertctlError(
      .usage,
      "this version of certctl cannot prove names by \(type.rawValue)",
      hint: "--challenge takes one of: \(solverTypes.joined(separator: ", "))")
  }

  /// The solver for these settings.
  ///
  /// - Throws: `CertctlError` with code `usage` for a challenge type that there is none of.
  package static func solver(
    for settings: ChallengeSettings, in context: SolverContext
  ) throws -> any ChallengeSolver {
    try challengeMethod(settings.type).solver(settings)
      .init(settings: settings, context: context)
  }
}
