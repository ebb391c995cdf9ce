package import CertctlCore

/// A hook as `hook list` tells it.
package struct HookReport: Sendable, Encodable {
  /// When it runs.
  package let event: HookEvent
  /// Its path.
  package let path: String
  /// The lineage that it belongs to; nil when it runs for all.
  package var lineage: String?
  /// Why it does not run; nil when it does.
  package var problem: String?
  /// What to do about the problem.
  package var hint: String?

  /// Whether it runs.
  package var isUsable: Bool { problem == nil }

  /// The file's name.
  package var name: String { path.split(separator: "/").last.map(String.init) ?? path }

  /// What is wrong with it.
  package var findings: [Finding] {
    guard let problem else { return [] }
    return [
      Finding(.warning, .hookNotUsable, subject: path, "does not run: \(problem)", hint: hint)
    ]
  }

  private enum Key: CodingKey { case event, path, lineage, problem, hint, findings }

  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: Key.self)
    try fields.encode(event, forKey: .event)
    try fields.encode(path, forKey: .path)
    try fields.encodeIfPresent(lineage, forKey: .lineage)
    try fields.encodeIfPresent(problem, forKey: .problem)
    try fields.encodeIfPresent(hint, forKey: .hint)
    try fields.encode(findings, forKey: .findings)
  }
}

/// What became of one hook.
package struct HookResult: Sendable, Encodable {
  /// The event.
  package let event: HookEvent
  /// The hook's path.
  package let path: String
  /// The lineage that it ran for.
  package var lineage: String?
  /// Whether it ended by itself with exit code 0.
  package let succeeded: Bool
  /// What happened, in a finished sentence.
  package let message: String
  /// What to do next, if that is known.
  package var hint: String?
  /// The exit code, if it ended by one.
  package var exitCode: Int32?
  /// The signal, if one ended it.
  package var signal: Int32?
  /// Whether it was stopped because its time was over.
  package var timedOut = false
  /// What it wrote to standard output and standard error; its own words, not yet safe to show.
  package var output = ""
  /// How long it took, in seconds.
  package var seconds = 0.0

  /// What is wrong: that it failed.
  package var findings: [Finding] {
    succeeded ? [] : [Finding(.error, .hookFailed, subject: path, message, hint: hint)]
  }

  private enum Key: CodingKey {
    case event, path, lineage, succeeded, message, hint, exitCode, signal, timedOut, output
    case seconds, findings
  }

  package func encode(to encoder: any Encoder) throws {
    var fields = encoder.container(keyedBy: Key.self)
    try fields.encode(event, forKey: .event)
    try fields.encode(path, forKey: .path)
    try fields.encodeIfPresent(lineage, forKey: .lineage)
    try fields.encode(succeeded, forKey: .succeeded)
    try fields.encode(message, forKey: .message)
    try fields.encodeIfPresent(hint, forKey: .hint)
    try fields.encodeIfPresent(exitCode, forKey: .exitCode)
    try fields.encodeIfPresent(signal, forKey: .signal)
    try fields.encode(timedOut, forKey: .timedOut)
    try fields.encode(output, forKey: .output)
    try fields.encode(seconds, forKey: .seconds)
    try fields.encode(findings, forKey: .findings)
  }
}
