package import ACME
package import CertctlCore
package import CertctlIssuing
package import CertctlStore
import CertctlSystem

/// What a user asks of one `issue`: names, and what differs from what is already known.
package struct IssueRequest: Sendable {
  /// The names to certify.
  package var names: [Identifier]
  /// The lineage's name, when it is not that of the first name.
  package var lineage: LineageName?
  /// What was given with the command; the rest comes from the lineage, the configuration file and
  /// the defaults, in this order.
  package var overrides: SettingsOverrides
  /// How to register an account, should there be none.
  package var registration: Registration
  /// Issue although nothing is due, or take names away.
  package var force: Bool
  /// Validate and stop: no certificate, no lineage.
  package var dryRun: Bool

  /// A request for a certificate.
  package init(
    names: [Identifier], lineage: LineageName? = nil, overrides: SettingsOverrides = .init(),
    registration: Registration = .init(), force: Bool = false, dryRun: Bool = false
  ) {
    self.names = names
    self.lineage = lineage
    self.overrides = overrides
    self.registration = registration
    self.force = force
    self.dryRun = dryRun
  }
}
