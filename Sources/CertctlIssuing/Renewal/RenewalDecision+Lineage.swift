package import CertctlCore
package import CertctlCrypto
package import CertctlStore
package import FoundationEssentials

extension RenewalDecision {
  /// Creates the decision for a lineage, the same for all commands.
  ///
  /// - Parameters:
  ///   - lineage: The lineage; nil if it is new or its file is lost.
  ///   - leaves: The certificates to use, the main one first; nil if there are none.
  ///   - settings: The requested settings; by default those of the lineage.
  ///   - lookAhead: The longest time until the next decision, in seconds.
  ///   - now: The time.
  package init(
    of lineage: Lineage?, _ leaves: [Certificate]?, wanting settings: LineageSettings? = nil,
    lookAhead: TimeInterval = 0, now: Date
  ) {
    let change =
      if let settings, let issued = lineage?.issuance?.settings {
        settings.change(since: issued)
      } else { lineage?.wantedChange }
    // If the settings of the last order are unknown, a person who requests one gets a new one.
    let isKnown = settings == nil || lineage?.issuance != nil
    self.init(
      certificate: isKnown ? leaves.map { RenewalCertificate($0) } : nil,
      state: lineage?.schedule, isRevoked: lineage?.isRevoked(leaves?.first) ?? false,
      settingsChanged: change, lookAhead: lookAhead, now: now)
  }
}
