import ACME
import CertctlCore

extension CertctlError {
  /// A validation that the CA refused: its words, name by name, and what to check.
  ///
  /// - Parameters:
  ///   - error: What the CA says.
  ///   - tried: The types of the challenges that were answered.
  ///   - all: The types that the lineage uses, where none was answered.
  init(_ error: ACMEError, advisedFor tried: [ChallengeType], or all: [ChallengeType]) {
    let types = Set(tried.isEmpty ? all : tried).sorted { $0.rawValue < $1.rawValue }
    let problems = error.problem?.subproblems ?? []
    let details = problems.map { problem in
      var words = problem
      words.identifier = nil
      return "\(problem.identifier?.value ?? "-"): \(words)"
    }
    let message =
      problems.isEmpty
      ? error.message
      : "the CA could not validate \(problems.count == 1 ? "a name" : "\(problems.count) names")"
        + " by \(types.map(\.rawValue).joined(separator: " and ")):"
    self.init(
      .challengeFailed, message,
      hint: Self.advice(for: types.first, (problems.first ?? error.problem)?.type),
      details: details, problem: error.problem, identifiers: error.identifiers)
  }

  /// What the type's own descriptor says of the problem, else what is true of all types.
  private static func advice(for type: ChallengeType?, _ problem: ProblemType?) -> String {
    let own = type.flatMap(Catalog.knownMethod)?.advice
    return problem.flatMap { own?.byProblem[$0] ?? common[$0] } ?? own?.otherwise
      ?? "find the cause with --dry-run, which costs nothing at most CAs"
  }

  private static let common: [ProblemType: String] = [
    .dns: "check that the name has A or AAAA records, and that they point to this machine",
    .caa: "a CAA record of the domain forbids this CA: change the record or the --ca",
    .rateLimited: "too many failures of late: find the cause with --dry-run before trying again",
  ]
}
