package import FoundationEssentials

/// When hooks run; the name of the folder `<event>.d` that they lie in.
package enum HookEvent: String, Sendable, Encodable, CaseIterable {
  /// Once, before the first renewal of a run, and only if something is due.
  case pre
  /// For each lineage that has a new certificate.
  case deploy
  /// Once, after the last renewal of a run that had something to do.
  case post
  /// For a person: a renewal failed, or an end comes near.
  case notify
}

/// An event with all that its hooks are told.
package enum HookOccasion: Sendable {
  /// These lineages are due.
  case pre(due: [LineageReport])
  /// This lineage has a new certificate.
  case deploy(LineageReport)
  /// The run is over; these were renewed, and those were not.
  case post(renewed: [LineageReport], failed: [LineageReport])
  /// A person should know of this.
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

/// What a person should know.
package struct HookNotice: Sendable, Encodable {
  /// Why the person is told, open so that new reasons can be added.
  package struct Reason: RawRepresentable, Hashable, Sendable, Encodable {
    /// The word that stands in JSON.
    package let rawValue: String

    /// A reason by its word.
    package init(rawValue: String) { self.rawValue = rawValue }

    /// A renewal failed.
    package static let failed = Reason(rawValue: "failed")
    /// A certificate comes near its end without success.
    package static let expiring = Reason(rawValue: "expiring")
    /// The whole run failed before it could say which lineage.
    package static let runFailed = Reason(rawValue: "runFailed")
    /// Somebody tries the hooks out.
    package static let test = Reason(rawValue: "test")
  }

  /// Why the person is told.
  package var reason: Reason
  /// What happened, in a finished sentence; it may quote the CA.
  package var message: String
  /// The lineage that it is about.
  package var lineage: String?
  /// Its names.
  package var names: [String]?
  /// When its certificate ends.
  package var notAfter: Date?
  /// How many attempts failed in a row.
  package var attempts: Int?

  /// A notice.
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
