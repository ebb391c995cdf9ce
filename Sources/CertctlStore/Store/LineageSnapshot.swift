import CertctlBase
package import CertctlCrypto

/// A lineage and its certificates without their keys, read in one call.
package struct LineageSnapshot: Sendable {
  /// The lineage; nil if only its certificates are left.
  package let lineage: Lineage?
  /// All generations, oldest first.
  package let generations: [Generation]
  /// The candidate, or else the generation in use; nil if there is neither.
  package let chosen: Generation?
  /// The generation in use; nil if there is none.
  package let live: Generation?
  /// The leaves of the chosen generation; empty if there is none.
  package let leaves: [Certificate]
  /// Whether the key of the chosen generation is stored.
  package let hasKey: Bool

  init(of name: LineageName, in state: StateDirectory) throws {
    let certificates = CertificateStore(state: state)
    let lineage = try LineageStore(state: state).lineage(name)
    let chosen = try certificates.chosenGeneration(name, lineage)
    self.lineage = lineage
    self.chosen = chosen
    generations = try certificates.generations(name)
    leaves = try chosen.map { try certificates.loadLeaves($0, of: name) } ?? []
    live = try certificates.liveGeneration(name)
    hasKey = try chosen.map { try certificates.hasKey($0, of: name) } ?? false
  }
}

extension StateDirectory {
  /// Returns the current state of a lineage.
  ///
  /// - Throws: `CertctlError` with code `damagedState` or `HostError` if a file cannot be read.
  package func snapshot(of name: LineageName) async throws -> LineageSnapshot {
    try await Blocking.run { try LineageSnapshot(of: name, in: self) }
  }

  /// Returns these lineages with the leaves of their certificates in use.
  ///
  /// One call is faster if there are thousands of lineages. Lineages with missing or unreadable
  /// files are left out.
  package func inUse(
    _ names: [LineageName]
  ) async throws -> [LineageName: (lineage: Lineage, leaves: [Certificate])] {
    try await Blocking.run {
      let certificates = CertificateStore(state: self)
      var found: [LineageName: (lineage: Lineage, leaves: [Certificate])] = [:]
      for name in names {
        guard let lineage = try? LineageStore(state: self).lineage(name),
          let live = try? certificates.liveGeneration(name),
          let leaves = try? certificates.loadLeaves(live, of: name)
        else { continue }
        found[name] = (lineage, leaves)
      }
      return found
    }
  }
}
