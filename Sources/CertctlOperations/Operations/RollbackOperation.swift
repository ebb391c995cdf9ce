import CertctlBase
import CertctlCore
import CertctlCrypto
package import CertctlStore
import CertctlSystem
import FoundationEssentials

/// Puts an earlier generation back to use.
///
/// - Returns: The lineage after it.
/// - Throws: `CertctlError`.
package struct RollbackOperation: Operation {
  /// The lineage.
  package var name: LineageName
  /// The generation's number; the one before the one in use by default.
  package var number: Int?
  /// Use it although it has expired or was revoked.
  package var force: Bool

  package init(_ name: LineageName, to number: Int? = nil, force: Bool = false) {
    self.name = name
    self.number = number
    self.force = force
  }

  package func run(in context: Context) async throws -> LineageReport {
    try await Run(context: context).rollback(name, to: number, force: force)
  }

  private struct Run: ContextPart {
    let context: Context

    func rollback(
      _ name: LineageName, to number: Int? = nil, force: Bool = false
    ) async throws -> LineageReport {
      try await change(name) {
        let generations = try await certificates.generations(name)
        let live = try await certificates.liveGeneration(name)
        let wanted = generations.last {
          number.map { [number = $0.number] in number == $0 }
            ?? ($0.number < live?.number ?? .max)
        }
        guard let wanted else {
          let there = generations.map { String($0.number) }.joined(separator: ", ")
          throw CertctlError(
            .notFound,
            number.map { "\(name) has no generation \($0)" }
              ?? "\(name) has no generation before the one in use",
            hint: "its generations: \(there.isEmpty ? "none" : there)")
        }
        try await choose(wanted, of: name, force: force)
        if let failure = try await deployer.deploy(name).failure {
          let report = try await reporter.report(on: name)
          throw CertctlError(
            .deploymentFailed,
            "generation \(wanted.number) of \(name) could not be deployed: \(failure)",
            hint: (report.generationInUse.map { "generation \($0) is still in use; " } ?? "")
              + "certctl renew tries it again")
        }
        await events.append(
          Event(
            time: environment.clock.now(), event: "rolledBack", lineage: name.value,
            generation: wanted.number))
        return try await reporter.report(on: name)
      }
    }

    /// Makes a generation the candidate for the next deployment.
    private func choose(_ generation: Generation, of name: LineageName, force: Bool) async throws {
      let stored = try await certificates.load(generation, of: name)
      let lineage = try await lineages.lineage(name)
      guard stored.isPair else {
        throw CertctlError(
          .damagedState,
          "generation \(generation.number) of \(name) has another key than certificate"
        )
      }
      let fault: String? =
        if stored.leaf.notAfter <= environment.clock.now() {
          "expired on \(stored.leaf.notAfter.rfc3339)"
        } else if lineage?.isRevoked(stored.leaf) ?? false { "was revoked" } else { nil }
      if let fault, !force {
        throw CertctlError(
          .refused, "generation \(generation.number) of \(name) \(fault)",
          hint: "give --force to use it all the same")
      }
      guard var lineage else {
        // Without its file nothing can be kept of a candidate.
        return try await certificates.use(generation, of: name)
      }
      lineage.candidate = generation.number
      try await context.save(lineage)
    }
  }
}
