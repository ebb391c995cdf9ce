package import ACME
package import CertctlCore
package import CertctlIssuing
package import CertctlStore
import CertctlSystem

/// The options of `issue`: names, and changes to known settings.
package struct IssueRequest: Sendable {
  /// The names of the certificate.
  package var names: [Identifier]
  /// The lineage's name; nil to find it by the names.
  package var lineage: LineageName?
  /// The settings from the command line.
  ///
  /// Others come from the lineage, the configuration file and the defaults, in this order.
  package var overrides: SettingsOverrides
  /// The data for registering an account if there is none.
  package var registration: Registration
  /// Whether to issue even if nothing is due or names are dropped.
  package var force: Bool
  /// Whether to only validate the names, without a certificate or lineage.
  package var dryRun: Bool

  /// Creates a request for a certificate.
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
