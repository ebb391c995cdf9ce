package import CertctlCore
package import CertctlCrypto
package import CertctlStore
package import FoundationEssentials

extension RenewalDecision {
  /// The decision for a lineage: the one that all commands take.
  ///
  /// - Parameters:
  ///   - lineage: What is known of it; nil when that is lost, or it is new.
  ///   - leaves: The certificates to be used, the main one first; nil when there are none.
  ///   - settings: What is wanted of it; by default what it keeps itself.
  ///   - lookAhead: How long after `now` the next decision comes at the latest, in seconds.
  ///   - now: The time.
  package init(
    of lineage: Lineage?, _ leaves: [Certificate]?, wanting settings: LineageSettings? = nil,
    lookAhead: TimeInterval = 0, now: Date
  ) {
    let change =
      if let settings, let issued = lineage?.issuance?.settings {
        settings.change(since: issued)
      } else { lineage?.wantedChange }
    // Without knowing what it was ordered with, a person who asks for a certificate gets one.
    let isKnown = settings == nil || lineage?.issuance != nil
    self.init(
      certificate: isKnown ? leaves.map { RenewalCertificate($0) } : nil,
      state: lineage?.schedule, isRevoked: lineage?.isRevoked(leaves?.first) ?? false,
      settingsChanged: change, lookAhead: lookAhead, now: now)
  }
}
