import ACME
import CertctlCore

extension CertctlError {
  /// Creates the error for a failed validation: the CA's message for each name, and a hint.
  ///
  /// - Parameters:
  ///   - error: The error from the CA.
  ///   - tried: The types of the answered challenges.
  ///   - all: The challenge types of the lineage, for when none was answered.
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
        + " with \(types.map(\.rawValue).joined(separator: " and ")):"
    self.init(
      .challengeFailed, message,
      hint: Self.advice(for: types.first, (problems.first ?? error.problem)?.type),
      details: details, problem: error.problem, identifiers: error.identifiers)
  }

  /// Returns the hint of the challenge type for the problem, or else a common one.
  private static func advice(for type: ChallengeType?, _ problem: ProblemType?) -> String {
    let own = type.flatMap(Catalog.knownMethod)?.advice
    return problem.flatMap { own?.byProblem[$0] ?? common[$0] } ?? own?.otherwise
      ?? "find the cause with --dry-run before you retry"
  }

  private static let common: [ProblemType: String] = [
    .dns: "check that the name has A or AAAA records, and that they point to this machine",
    .caa: "change the CAA record of the domain, which forbids this CA, or use another --ca",
    .rateLimited: "find the cause with --dry-run before you retry: there were too many failures",
  ]
}
