package import ACME
package import CertctlCore

/// The solvers of one lineage: one, or where no single challenge type fits all names, two.
package struct ChallengeSolvers: Sendable {
  private let settings: ChallengeSettings
  private let solvers: [ChallengeType: any ChallengeSolver]

  /// The solvers that these names need.
  ///
  /// - Parameters:
  ///   - settings: How the lineage proves its names.
  ///   - names: The names.
  ///   - make: Makes the solver for settings of one type.
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

  /// One solver for all names.
  init(only solver: any ChallengeSolver, for type: ChallengeType) {
    settings = ChallengeSettings(type: type)
    solvers = [type: solver]
  }

  /// Who makes the records, where any are made.
  var dns: DNSSettings? { settings.dns }

  /// The challenge types, in the order of their words.
  package var types: [ChallengeType] { solvers.keys.sorted { $0.rawValue < $1.rawValue } }

  /// The solver of a type.
  subscript(type: ChallengeType) -> (any ChallengeSolver)? { solvers[type] }

  /// The type that proves a name.
  func type(for name: Identifier) -> ChallengeType {
    solvers.count == 1 ? types[0] : settings.type(for: name)
  }
}
