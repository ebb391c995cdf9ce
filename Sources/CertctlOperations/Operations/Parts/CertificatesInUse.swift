import CertctlBase
import CertctlCore
import CertctlCrypto
import CertctlStore
import CertctlSystem
import FoundationEssentials

/// The certificates of lineages, and the orders that may become one.
struct CertificatesInUse: ContextPart {
  let context: Context

  func inUse(_ name: LineageName) async throws -> IssuedCertificate {
    let live = try await Blocking.run { try certificates.liveGeneration(name) }
    return try await certificate(live, of: name)
  }

  /// What is to be used: the candidate for the next deployment, else what is in use.
  func chosen(_ name: LineageName) async throws -> IssuedCertificate {
    let generation = try await Blocking.run {
      try certificates.chosenGeneration(name, lineages.lineage(name))
    }
    return try await certificate(generation, of: name)
  }

  private func certificate(
    _ generation: Generation?, of name: LineageName
  ) async throws -> IssuedCertificate {
    guard let generation else {
      throw CertctlError(
        .notFound, "\(name) has no certificate in use", hint: "get one: certctl issue \(name)")
    }
    return try await Blocking.run { try certificates.load(generation, of: name) }
  }

  func currentCertificate(
    _ name: LineageName, mayBeDamaged: Bool
  ) async throws -> IssuedCertificate? {
    do {
      return try await Blocking.run {
        let lineage = try lineages.lineage(name)
        return try certificates.chosenGeneration(name, lineage)
          .map { try certificates.load($0, of: name) }?.unlessPlaceholder
      }
    } catch let error as CertctlError where error.code == .damagedState && mayBeDamaged {
      console.warn("\(error.message); it is replaced by a new certificate")
      return nil
    }
  }

  /// Whether an earlier run of this lineage left an order, which may be a certificate by now.
  func isOrderUnderWay(_ name: LineageName) async throws -> Bool {
    try await Blocking.run { try PendingStore(state: state).order(of: name) != nil }
  }
}
