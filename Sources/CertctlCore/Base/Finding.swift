/// Something that certctl finds wrong without failing for it, as reports tell it.
///
/// It stands in JSON as `findings` of the report; Findings.md lists the codes.
package struct Finding: Encodable, Sendable, Hashable {
  /// How much it matters.
  package enum Level: String, Encodable, Sendable {
    /// Something does not work, or will soon stop to.
    case error
    /// Something works, but not as it was asked for, or not for ever.
    case warning
    /// Something that is good to know.
    case notice
  }

  /// What it is, in a word that stays the same; scripts decide by it.
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

  /// How much it matters.
  package let level: Level
  /// What it is.
  package let code: Code
  /// Which thing it is about, where the report is not about that alone: a name, a path.
  package let subject: String?
  /// What is wrong: one line, which may quote strangers.
  package let message: String
  /// What to do about it.
  package let hint: String?

  /// A finding.
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
  /// The lines of a text as one, without their indentation.
  package var inOneLine: String {
    split { $0.isNewline }.map { String($0.drop { $0 == " " }) }.joined(separator: " ")
  }
}
