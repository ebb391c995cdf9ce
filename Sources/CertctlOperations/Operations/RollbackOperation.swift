import CertctlBase
import CertctlCore
import CertctlCrypto
package import CertctlStore
import CertctlSystem
import FoundationEssentials

/// An operation that restores an earlier generation.
///
/// - Returns: The new state of the lineage.
/// - Throws: `CertctlError`.
package struct RollbackOperation: Operation {
  /// The lineage.
  package var name: LineageName
  /// The generation's number; nil for the one before the generation in use.
  package var number: Int?
  /// Whether to use it even if it has expired or was revoked.
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
            number.map { "\(name) has no version \($0)" }
              ?? "\(name) has no version before the one in use",
            hint: "its versions: \(there.isEmpty ? "none" : there)")
        }
        try await choose(wanted, of: name, force: force)
        if let failure = try await deployer.deploy(name).failure {
          let report = try await reporter.report(on: name)
          throw CertctlError(
            .deploymentFailed,
            "cannot deploy version \(wanted.number) of \(name): \(failure)",
            hint: (report.generationInUse.map { "version \($0) is still in use; " } ?? "")
              + "to retry, run: certctl renew \(name)")
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
          "the key of \(name), version \(generation.number), does not match its certificate"
        )
      }
      let fault: String? =
        if stored.leaf.notAfter <= environment.clock.now() {
          "expired on \(stored.leaf.notAfter.rfc3339)"
        } else if lineage?.isRevoked(stored.leaf) ?? false { "was revoked" } else { nil }
      if let fault, !force {
        throw CertctlError(
          .refused, "version \(generation.number) of \(name) \(fault)",
          hint: "use --force to restore it anyway")
      }
      guard var lineage else {
        // Without a lineage file a candidate cannot be recorded.
        return try await certificates.use(generation, of: name)
      }
      lineage.candidate = generation.number
      try await context.save(lineage)
    }
  }
}
