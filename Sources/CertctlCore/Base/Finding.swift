/// A problem in a report that does not make the command fail.
///
/// In JSON it is an element of the report's `findings`. Findings.md lists the codes.
package struct Finding: Encodable, Sendable, Hashable {
  /// The severity.
  package enum Level: String, Encodable, Sendable {
    /// Something does not work, or will soon stop working.
    case error
    /// Something works, but not as requested, or not permanently.
    case warning
    /// Useful information.
    case notice
  }

  /// The type of a finding, stable for scripts.
  package enum Code: String, CaseIterable, Encodable, Sendable {
    // Certificates
    case damaged, expired, revoked, placeholder, namesMissing
    case renewalFailed, renewalHeld, renewalPostponed, renewalLocked, expiresSoon
    case deploymentFailed, notDeployed
    // Hooks
    case hookNotUsable, hookFailed
    // nginx and sites
    case configurationRefused, reloadFailed, nginxNotAsked, notServed
    case siteChanged, siteFilesMissing, siteUncertified
    // The rest
    case parametersUnusable, parametersWeak, recordMissing
  }

  /// The severity.
  package let level: Level
  /// The type of the finding.
  package let code: Code
  /// The name or path with the problem, if the report covers more than one.
  package let subject: String?
  /// The problem, on one line; may contain untrusted text.
  package let message: String
  /// The suggested fix.
  package let hint: String?

  /// Creates a finding.
  package init(
    _ level: Level, _ code: Code, subject: String? = nil, _ message: String, hint: String? = nil
  ) {
    self.level = level
    self.code = code
    self.subject = subject
    self.message = message.inOneLine
    self.hint = hint?.inOneLine
  }
}

extension String {
  /// The lines of the text joined with spaces, without their indentation.
  package var inOneLine: String {
    split { $0.isNewline }.map { String($0.drop { $0 == " " }) }.joined(separator: " ")
  }
}
