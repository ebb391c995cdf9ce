import CertctlBase
package import CertctlCore
package import CertctlCrypto
import CertctlSystem

// The interface of the certificate store for other targets; see `AsyncStores.swift`.

extension CertificateStore {
  /// Writes a new generation and checks that a server can use it.
  ///
  /// The first generation is in use immediately. A later one is a candidate: servers keep the
  /// earlier one until the candidate is deployed. If the newest generation already holds this
  /// certificate, because a run was interrupted, no second copy is written.
  package func commit(
    _ certificate: IssuedCertificate, to name: LineageName, files: FileSettings
  ) async throws -> Generation {
    try await Blocking.run { try commit(certificate, to: name, files: files) }
  }

  /// Returns the candidate of the lineage, or else the generation in use; nil if there is neither.
  package func chosenGeneration(
    _ name: LineageName, _ lineage: Lineage?
  ) async throws -> Generation? {
    try await Blocking.run { try chosenGeneration(name, lineage) }
  }

  /// Points `live/<name>` to a generation with one rename.
  package func use(_ generation: Generation, of name: LineageName) async throws {
    try await Blocking.run { try use(generation, of: name) }
  }

  /// Returns the generation in use; nil if there is none.
  package func liveGeneration(_ name: LineageName) async throws -> Generation? {
    try await Blocking.run { try liveGeneration(name) }
  }

  /// Returns all generations, oldest first.
  package func generations(_ name: LineageName) async throws -> [Generation] {
    try await Blocking.run { try generations(name) }
  }

  /// Returns the chain and key of a generation.
  package func load(
    _ generation: Generation, of name: LineageName
  ) async throws -> IssuedCertificate {
    try await Blocking.run { try load(generation, of: name) }
  }

  /// Returns whether the key of a generation is stored; false if the user supplied the CSR.
  package func hasKey(_ generation: Generation, of name: LineageName) async throws -> Bool {
    try await Blocking.run { try hasKey(generation, of: name) }
  }

  /// Returns the chain of a generation without reading its key.
  package func loadChain(
    _ generation: Generation, of name: LineageName
  ) async throws -> [Certificate] {
    try await Blocking.run { try loadChain(generation, of: name) }
  }

  /// Returns the leaf of a generation, and that of its RSA certificate, without reading keys.
  package func loadLeaves(
    _ generation: Generation, of name: LineageName
  ) async throws -> [Certificate] {
    try await Blocking.run { try loadLeaves(generation, of: name) }
  }

  /// Returns the certificate of the chosen generation; nil if there is none.
  package func chosen(
    _ name: LineageName, _ lineage: Lineage?
  ) async throws -> IssuedCertificate? {
    try await Blocking.run {
      try chosenGeneration(name, lineage).map { try load($0, of: name) }
    }
  }

  /// Returns whether `live` has a link for the lineage.
  package func isLinked(_ name: LineageName) async throws -> Bool {
    try await Blocking.run { try state.live.linkTarget(name.value) != nil }
  }

  /// Returns the names of the links in `live`, unsorted.
  ///
  /// Entries whose names are not valid lineage names are ignored.
  package func linkedNames() async throws -> [LineageName] {
    try await Blocking.run {
      try state.live.entries().filter { !$0.hasPrefix(".") }.compactMap { try? LineageName($0) }
    }
  }

  /// Removes a lineage's certificates, the link first so that nothing in use loses its key.
  package func remove(_ name: LineageName) async throws {
    try await Blocking.run { try remove(name) }
  }

  /// Removes old generations.
  ///
  /// The generation in use stays, and so do newer ones: a candidate that could not be deployed, or
  /// generations that a rollback left. Each folder first gets a temporary name, so that a crash
  /// leaves none half-empty.
  ///
  /// - Parameters:
  ///   - name: The lineage, whose lock the caller holds.
  ///   - count: The number of generations to keep, up to and including the one in use.
  ///   - spared: The hexadecimal fingerprints of leaves whose generations must stay.
  /// - Returns: The removed generations, oldest first.
  /// - Throws: `CertctlError` or `HostError` if one cannot be removed; older ones are gone then.
  @discardableResult
  package func prune(
    _ name: LineageName, keeping count: Int, sparing spared: Set<String>
  ) async throws -> [Generation] {
    try await Blocking.run { try prune(name, keeping: count, sparing: spared) }
  }
}
