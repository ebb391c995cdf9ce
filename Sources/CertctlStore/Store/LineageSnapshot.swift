import CertctlBase
package import CertctlCrypto

/// A lineage and its certificates without their keys, read in one visit to the disk.
package struct LineageSnapshot: Sendable {
  /// What is wanted; nil where only certificates are left.
  package let lineage: Lineage?
  /// All generations, oldest first.
  package let generations: [Generation]
  /// The one that the lineage is to use: its candidate, else the one in use; nil when there is none.
  package let chosen: Generation?
  /// The one in use; nil when there is none.
  package let live: Generation?
  /// The leaves of the chosen one; two where it has an RSA certificate, none where there is no such one.
  package let leaves: [Certificate]
  /// Whether the chosen one's key is here.
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
  /// A lineage as it is now.
  ///
  /// - Throws: `CertctlError` with code `damagedState` or `HostError` when something cannot be read.
  package func snapshot(of name: LineageName) async throws -> LineageSnapshot {
    try await Blocking.run { try LineageSnapshot(of: name, in: self) }
  }

  /// What is in use of each of these lineages, with the lineage itself.
  ///
  /// Reading them in one go matters where there are thousands. Those of which something is missing or
  /// cannot be read are left out.
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
