package import ACME
package import CertctlCore

/// The solvers of one lineage: one for each challenge type that its names require.
package struct ChallengeSolvers: Sendable {
  private let settings: ChallengeSettings
  private let solvers: [ChallengeType: any ChallengeSolver]

  /// Creates the solvers that these names require.
  ///
  /// - Parameters:
  ///   - settings: The challenge settings of the lineage.
  ///   - names: The names.
  ///   - make: Creates the solver for the settings of one type.
  /// - Throws: What `make` throws.
  package init(
    _ settings: ChallengeSettings, for names: [Identifier],
    make: (ChallengeSettings) async throws -> any ChallengeSolver
  ) async throws {
    self.settings = settings
    var solvers: [ChallengeType: any ChallengeSolver] = [:]
    for type in settings.types(for: names) { solvers[type] = try await make(settings.with(type)) }
    self.solvers = solvers
  }

  /// Creates a set with one solver for all names.
  init(only solver: any ChallengeSolver, for type: ChallengeType) {
    settings = ChallengeSettings(type: type)
    solvers = [type: solver]
  }

  /// The DNS settings for creating records, if there are any.
  var dns: DNSSettings? { settings.dns }

  /// The challenge types, sorted by name.
  package var types: [ChallengeType] { solvers.keys.sorted { $0.rawValue < $1.rawValue } }

  /// Returns the solver of a type.
  subscript(type: ChallengeType) -> (any ChallengeSolver)? { solvers[type] }

  /// Returns the challenge type for a name.
  func type(for name: Identifier) -> ChallengeType {
    solvers.count == 1 ? types[0] : settings.type(for: name)
  }
}
