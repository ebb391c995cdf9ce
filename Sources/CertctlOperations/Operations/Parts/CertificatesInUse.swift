import CertctlBase
import CertctlCore
import CertctlCrypto
import CertctlStore
import CertctlSystem
import FoundationEssentials

/// The certificates of lineages, and their pending orders.
struct CertificatesInUse: ContextPart {
  let context: Context

  func inUse(_ name: LineageName) async throws -> IssuedCertificate {
    let live = try await certificates.liveGeneration(name)
    return try await certificate(live, of: name)
  }

  /// Returns the candidate for the next deployment, or else the certificate in use.
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
        .notFound, "no certificate is in use for \(name)",
        hint: "to get one, run: certctl issue \(name)")
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
      console.warn("\(error.message); replacing it with a new certificate")
      return nil
    }
  }

  /// Returns whether an earlier run left an order, which may be complete by now.
  func isOrderUnderWay(_ name: LineageName) async throws -> Bool {
    try await PendingStore(state: state).order(of: name) != nil
  }
}
