public import ACME
import HostIO

/// What a user asks of one `issue`: names, and what differs from what is already known.
public struct IssueRequest: Sendable {
  /// The names to certify.
  public var names: [Identifier]
  /// The lineage's name, when it is not that of the first name.
  public var lineage: LineageName?
  /// What was given with the command; the rest comes from the lineage, the configuration file and
  /// the defaults, in this order.
  public var overrides: SettingsOverrides
  /// How to register an account, should there be none.
  public var registration: Registration
  /// Issue although nothing is due, or take names away.
  public var force: Bool
  /// Validate and stop: no certificate, no lineage.
  public var dryRun: Bool

  /// A request for a certificate.
  public init(
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
