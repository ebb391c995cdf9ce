package import FoundationEssentials

/// The event that hooks run for, which names their directory `<event>.d`.
package enum HookEvent: String, Sendable, Encodable, CaseIterable {
  /// Runs once, before the first renewal of a run, if a certificate is due.
  case pre
  /// Runs for each lineage with a new certificate.
  case deploy
  /// Runs once, after the last renewal of a run, if a certificate was due.
  case post
  /// Notifies a person that a renewal failed or a certificate is about to expire.
  case notify
}

/// An event with the data for its hooks.
package enum HookOccasion: Sendable {
  /// These lineages are due.
  case pre(due: [LineageReport])
  /// This lineage has a new certificate.
  case deploy(LineageReport)
  /// The run is over, with these renewed and these failed lineages.
  case post(renewed: [LineageReport], failed: [LineageReport])
  /// A person should read this notice.
  case notify(HookNotice)

  /// The event's name.
  package var event: HookEvent {
    switch self {
    case .pre: .pre
    case .deploy: .deploy
    case .post: .post
    case .notify: .notify
    }
  }
}

/// A notice for a person.
package struct HookNotice: Sendable, Encodable {
  /// The reason for a notice, open so that new reasons can be added.
  package struct Reason: RawRepresentable, Hashable, Sendable, Encodable {
    /// The value in JSON.
    package let rawValue: String

    /// Creates a reason from its raw value.
    package init(rawValue: String) { self.rawValue = rawValue }

    /// A renewal failed.
    package static let failed = Reason(rawValue: "failed")
    /// A certificate is about to expire and was not renewed.
    package static let expiring = Reason(rawValue: "expiring")
    /// The run failed as a whole, without a particular lineage.
    package static let runFailed = Reason(rawValue: "runFailed")
    /// A test of the hooks.
    package static let test = Reason(rawValue: "test")
  }

  /// The reason.
  package var reason: Reason
  /// The message, a sentence that may quote the CA.
  package var message: String
  /// The lineage concerned.
  package var lineage: String?
  /// Its names.
  package var names: [String]?
  /// The expiry date of its certificate.
  package var notAfter: Date?
  /// The number of consecutive failed attempts.
  package var attempts: Int?

  /// Creates a notice.
  package init(
    reason: Reason, message: String, lineage: String? = nil, names: [String]? = nil,
    notAfter: Date? = nil, attempts: Int? = nil
  ) {
    self.reason = reason
    self.message = message
    self.lineage = lineage
    self.names = names
    self.notAfter = notAfter
    self.attempts = attempts
  }
}
