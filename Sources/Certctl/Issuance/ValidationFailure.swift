import ACME
import CertctlBase

extension CertctlError {
  /// A validation that the CA refused: its words, name by name, and what to check.
  ///
  /// - Parameters:
  ///   - error: What the CA says.
  ///   - tried: The types of the challenges that were answered.
  ///   - all: The types that the lineage uses, where none was answered.
  init(_ error: ACMEError, advisedFor tried: [ChallengeType], or all: [ChallengeType]) {
    let types = Set(tried.isEmpty ? all : tried).sorted { $0.rawValue < $1.rawValue }
    let type = types.first ?? .http01
    let problems = error.problem?.subproblems ?? []
    let lines = problems.map { problem in
      var words = problem
      words.identifier = nil
      return "\n  \(problem.identifier?.value ?? "-"): \(words)"
    }
    let message =
      problems.isEmpty
      ? error.description
      : "the CA could not validate \(problems.count == 1 ? "a name" : "\(problems.count) names")"
        + " by \(types.map(\.rawValue).joined(separator: " and ")):"
        + lines.map(Self.escapedLine).joined()
    self.init(
      .challengeFailed, message,
      hint: Self.advice(for: type, (problems.first ?? error.problem)?.type),
      problem: error.problem, identifiers: error.identifiers)
  }

  /// The line safe for a terminal, with its own line break kept.
  private static func escapedLine(_ line: String) -> String {
    "\n" + escapedForTerminal(String(line.dropFirst()))
  }

  private static func advice(for type: ChallengeType, _ problem: ProblemType?) -> String {
    switch (type, problem) {
    case (.dns01, .dns?), (.dnsAccount01, .dns?), (.dns01, .unauthorized?),
      (.dnsAccount01, .unauthorized?):
      return
        "the records were at all of the zone's name servers: check that the domain is delegated to "
        + "these (dig +trace), and that its DNSSEC is in order"
    case (_, .dns?):
      return "check that the name has A or AAAA records, and that they point to this machine"
    case (_, .caa?):
      return "a CAA record of the domain forbids this CA: change the record or the --ca"
    case (_, .rateLimited?):
      return "too many failures of late: find the cause with --dry-run before trying again"
    case (.http01, .connection?):
      return "check that port 80 of every A and AAAA address of the name reaches this machine, "
        + "through firewall and router"
    case (.http01, _):
      return "fetch http://NAME/.well-known/acme-challenge/test from outside: another server, a "
        + "redirect, or a proxy may answer in place of this one"
    case (.tlsALPN01, _):
      return "check that port 443 of every address of the name reaches this machine without a "
        + "TLS proxy in between"
    default:
      return "find the cause with --dry-run, which costs nothing at most CAs"
    }
  }
}
