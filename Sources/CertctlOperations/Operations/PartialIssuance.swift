import ACME
import CertctlBase
import CertctlCore
import CertctlCrypto
import CertctlIssuing
import CertctlStore
import FoundationEssentials

extension CertificateAcquirer {
  /// Gets the certificate, without the names that the CA refuses if the user allows that.
  ///
  /// - Returns: The certificate, the issuer with the names that it covers, and the names that were
  ///   left out; nil if there was no order to resume and none may be placed.
  /// - Throws: The CA's refusal, also if the certificate in use already covers what is left.
  func obtainAllowed(
    _ whole: Issuer
  ) async throws -> (IssuedCertificate, Issuer, [Lineage.Omission])? {
    var issuer = whole
    var omitted: [Lineage.Omission] = []
    while true {
      do {
        return try await obtain(issuer).map { ($0, issuer, omitted) }
      } catch {
        let refused = Self.refused(error, of: issuer.settings.names)
        let rest = issuer.settings.names.filter { name in !refused.contains { $0.0 == name } }
        guard settings.allowPartial == true, mayOrder, !refused.isEmpty, !rest.isEmpty,
          isWorthIssuing(rest)
        else { throw error }
        let now = environment.clock.now()
        omitted += refused.map { name, words in
          Lineage.Omission(name: name, date: now, message: "left out \(name.value): \(words)")
        }
        for omission in omitted.suffix(refused.count) { console.warn(omission.message) }
        issuer = issuer.with(names: rest)
      }
    }
  }

  /// Returns the names that the CA refused, with its reasons; none for other failures.
  ///
  /// A failure that can be retried does not drop a name.
  private static func refused(
    _ error: any Error, of names: [Identifier]
  ) -> [(Identifier, String)] {
    let failure = CertctlError(wrapping: error)
    guard !failure.isRetryable else { return [] }
    return names.filter { failure.identifiers.contains($0) }.map { name in
      var words = failure.problem?.subproblems.first { $0.identifier == name } ?? failure.problem
      words?.identifier = nil
      return (name, words?.description ?? failure.message)
    }
  }

  /// Returns whether a certificate with these names is worth an order.
  ///
  /// It is if it differs from the certificate in use, or if that one is due.
  private func isWorthIssuing(_ names: [Identifier]) -> Bool {
    guard let current, let known, let issued = known.issuance?.settings,
      Set(issued.names) == Set(names), heedsLimits
    else { return true }
    return RenewalDecision(
      of: known, current.leaves, wanting: issued, lookAhead: RenewalDecision.timerInterval,
      now: environment.clock.now()
    ).isDue
  }
}
