import ACME
import HostIO

/// Everything that certctl can be extended by: one file and one line here for each.
package enum Catalog {
  /// The solvers, by the challenge type and settings that they serve.
  package static let solvers: [any ChallengeSolver.Type] = [
    WebrootSolver.self, StandaloneHTTPSolver.self, TLSALPNSolver.self, DNSSolver.self,
    DNSPersistSolver.self,
  ]

  /// The challenge types that there is a solver for, as words.
  package static var solverTypes: [String] {
    Set(solvers.flatMap { $0.types.map(\.rawValue) }).sorted()
  }

  /// The solver for these settings.
  ///
  /// - Throws: `CertctlError` with code `usage` when no solver serves them.
  package static func solver(
    for settings: ChallengeSettings, in context: SolverContext
  ) throws -> any ChallengeSolver {
    guard let type = solvers.first(where: { $0.serves(settings) }) else {
      throw CertctlError(
        .usage,
        "this version of certctl cannot prove names by \(escapedForTerminal(settings.type.rawValue))",
        hint: "--challenge takes one of: \(solverTypes.joined(separator: ", "))")
    }
    return type.init(settings: settings, context: context)
  }
}
