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
    let live = try await certificates.liveGeneration(name)
    return try await certificate(live, of: name)
  }

  /// What is to be used: the candidate for the next deployment, else what is in use.
  func chosen(_ name: LineageName) async throws -> IssuedCertificate {
    let lineage = try await lineages.lineage(name)
    let generation = try await certificates.chosenGeneration(name, lineage)
    return try await certificate(generation, of: name)
  }

  private func certificate(
    _ generation: Generation?, of name: LineageName
  ) async throws -> IssuedCertificate {
    guard let generation else {
      throw CertctlError(
        .notFound, "\(name) has no certificate in use", hint: "get one: certctl issue \(name)")
    }
    return try await certificates.load(generation, of: name)
  }

  func currentCertificate(
    _ name: LineageName, mayBeDamaged: Bool
  ) async throws -> IssuedCertificate? {
    do {
      let lineage = try await lineages.lineage(name)
      return try await certificates.chosen(name, lineage)?.unlessPlaceholder
    } catch let error as CertctlError where error.code == .damagedState && mayBeDamaged {
      console.warn("\(error.message); it is replaced by a new certificate")
      return nil
    }
  }

  /// Whether an earlier run of this lineage left an order, which may be a certificate by now.
  func isOrderUnderWay(_ name: LineageName) async throws -> Bool {
    try await PendingStore(state: state).order(of: name) != nil
  }
}
