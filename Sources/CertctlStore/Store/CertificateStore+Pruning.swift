import CertctlCrypto
import CertctlSystem

extension CertificateStore {
  /// The default number of generations to keep: the one in use and those before it.
  package static let usualCount = 5

  /// Removes old generations.
  ///
  /// The generation in use stays, and so do newer ones: a candidate that could not be deployed, or
  /// generations that a rollback left. The caller spares the generation that was last deployed and
  /// those whose keys are still needed to revoke them. Each folder first gets a temporary name, so
  /// that a crash leaves none half-empty.
  ///
  /// - Parameters:
  ///   - name: The lineage, whose lock the caller holds.
  ///   - count: The number of generations to keep, up to and including the one in use.
  ///   - spared: The hexadecimal fingerprints of leaves whose generations must stay.
  /// - Returns: The removed generations, oldest first.
  /// - Throws: `CertctlError` or `HostError` if one cannot be removed; older ones are gone then.
  func prune(
    _ name: LineageName, keeping count: Int, sparing spared: Set<String>
  ) throws -> [Generation] {
    guard let live = try liveGeneration(name) else { return [] }
    let old = try generations(name).filter { $0.number <= live.number }.dropLast(max(1, count))
    var pruned: [Generation] = []
    for generation in old {
      // A generation that cannot be read is of no use for a rollback.
      let leaves = (try? loadLeaves(generation, of: name)) ?? []
      if leaves.contains(where: { spared.contains($0.sha256Fingerprint.hexadecimal) }) { continue }
      try state.archive(name).removeTree(generation.folderName)
      pruned.append(generation)
    }
    return pruned
  }
}
