import CertctlBase
package import CertctlCore
package import CertctlCrypto
import CertctlSystem

// What layers above see of the certificates; `AsyncStores.swift` says why.

extension CertificateStore {
  /// Writes a new generation, and checks it as a server would use it.
  ///
  /// The first one is in use from then on. A later one is a candidate: servers use the one before it
  /// until they were made to use this one. When the newest generation is this very certificate,
  /// left by a run that was cut short, there is no second copy of it.
  package func commit(
    _ certificate: IssuedCertificate, to name: LineageName, files: FileSettings
  ) async throws -> Generation {
    try await Blocking.run { try commit(certificate, to: name, files: files) }
  }

  /// The generation that the lineage is to use: its candidate, else the one in use; nil when there
  /// is none.
  package func chosenGeneration(
    _ name: LineageName, _ lineage: Lineage?
  ) async throws -> Generation? {
    try await Blocking.run { try chosenGeneration(name, lineage) }
  }

  /// Points `live/<name>` at a generation, by one rename.
  package func use(_ generation: Generation, of name: LineageName) async throws {
    try await Blocking.run { try use(generation, of: name) }
  }

  /// The generation in use; nil when there is none.
  package func liveGeneration(_ name: LineageName) async throws -> Generation? {
    try await Blocking.run { try liveGeneration(name) }
  }

  /// All generations, oldest first.
  package func generations(_ name: LineageName) async throws -> [Generation] {
    try await Blocking.run { try generations(name) }
  }

  /// A generation's chain and key.
  package func load(
    _ generation: Generation, of name: LineageName
  ) async throws -> IssuedCertificate {
    try await Blocking.run { try load(generation, of: name) }
  }

  /// Whether a generation's key is here; it is not when the user made the request.
  package func hasKey(_ generation: Generation, of name: LineageName) async throws -> Bool {
    try await Blocking.run { try hasKey(generation, of: name) }
  }

  /// A generation's chain, without touching its key.
  package func loadChain(
    _ generation: Generation, of name: LineageName
  ) async throws -> [Certificate] {
    try await Blocking.run { try loadChain(generation, of: name) }
  }

  /// A generation's leaf, and that of the RSA certificate beside it, without touching their keys.
  package func loadLeaves(
    _ generation: Generation, of name: LineageName
  ) async throws -> [Certificate] {
    try await Blocking.run { try loadLeaves(generation, of: name) }
  }

  /// What the lineage is to use; nil when there is none.
  package func chosen(
    _ name: LineageName, _ lineage: Lineage?
  ) async throws -> IssuedCertificate? {
    try await Blocking.run {
      try chosenGeneration(name, lineage).map { try load($0, of: name) }
    }
  }

  /// Whether servers find something below the lineage's name.
  package func isLinked(_ name: LineageName) async throws -> Bool {
    try await Blocking.run { try state.live.linkTarget(name.value) != nil }
  }

  /// The names below which servers find something, unsorted; what somebody else put there under a
  /// name that we would not give is not ours.
  package func linkedNames() async throws -> [LineageName] {
    try await Blocking.run {
      try state.live.entries().filter { !$0.hasPrefix(".") }.compactMap { try? LineageName($0) }
    }
  }

  /// Removes a lineage's certificates: the link first, so that nothing in use loses its key.
  package func remove(_ name: LineageName) async throws {
    try await Blocking.run { try remove(name) }
  }

  /// Removes the generations that nobody will go back to.
  ///
  /// The one in use stays, and so does all that is newer: a candidate that could not be deployed, or
  /// what a rollback left behind. Each folder first gets a temporary name, so that a crash leaves none
  /// half-empty.
  ///
  /// - Parameters:
  ///   - name: The lineage, whose lock the caller holds.
  ///   - count: How many stay of those up to the one in use, itself included.
  ///   - spared: The fingerprints of leaves, in hexadecimal, whose generations must stay.
  /// - Returns: Those that are gone, oldest first.
  /// - Throws: `CertctlError` or `HostError` when one cannot be removed; those before it are gone.
  @discardableResult
  package func prune(
    _ name: LineageName, keeping count: Int, sparing spared: Set<String>
  ) async throws -> [Generation] {
    try await Blocking.run { try prune(name, keeping: count, sparing: spared) }
  }
}
