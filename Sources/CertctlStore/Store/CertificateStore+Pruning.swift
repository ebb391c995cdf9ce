import CertctlCrypto
import CertctlSystem

extension CertificateStore {
  /// How many generations stay unless the user says otherwise: the one in use and those before it.
  package static let usualCount = 5

  /// Removes the generations that nobody will go back to.
  ///
  /// The one in use stays, and so does all that is newer: a candidate that could not be deployed,
  /// or what a rollback left behind. The caller spares the one that servers were last made to
  /// use, and those that are still to be revoked by their keys. Each folder first gets a temporary name, so that a crash leaves none half-empty.
  ///
  /// - Parameters:
  ///   - name: The lineage, whose lock the caller holds.
  ///   - count: How many stay of those up to the one in use, itself included.
  ///   - spared: The fingerprints of leaves, in hexadecimal, whose generations must stay.
  /// - Returns: Those that are gone, oldest first.
  /// - Throws: `CertctlError` or `HostError` when one cannot be removed; those before it are gone.
  func prune(
    _ name: LineageName, keeping count: Int, sparing spared: Set<String>
  ) throws -> [Generation] {
    guard let live = try liveGeneration(name) else { return [] }
    let old = try generations(name).filter { $0.number <= live.number }.dropLast(max(1, count))
    var pruned: [Generation] = []
    for generation in old {
      // What cannot be read cannot be gone back to either.
      let leaves = (try? loadLeaves(generation, of: name)) ?? []
      if leaves.contains(where: { spared.contains($0.sha256Fingerprint.hexadecimal) }) { continue }
      try state.archive(name).removeTree(generation.folderName)
      pruned.append(generation)
    }
    return pruned
  }
}
