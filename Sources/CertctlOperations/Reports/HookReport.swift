package import CertctlCore

/// A hook as reported by `hook list`.
package struct HookReport: Sendable, Encodable {
  /// The event that it runs for.
  package let event: HookEvent
  /// Its path.
  package let path: String
  /// The lineage that it belongs to; nil if it runs for all.
  package var lineage: String?
  /// The reason why it does not run; nil if it runs.
  package var problem: String?
  /// The hint for the problem.
  package var hint: String?

  /// Whether it runs.
  package var isUsable: Bool { problem == nil }

  /// The file's name.
  package var name: String { path.split(separator: "/").last.map(String.init) ?? path }

  /// The finding for a hook that does not run.
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

/// The result of one hook.
package struct HookResult: Sendable, Encodable {
  /// The event.
  package let event: HookEvent
  /// The hook's path.
  package let path: String
  /// The lineage that it ran for.
  package var lineage: String?
  /// Whether it exited with code 0.
  package let succeeded: Bool
  /// The result as a sentence.
  package let message: String
  /// The next step for the user, if known.
  package var hint: String?
  /// The exit code, if it exited.
  package var exitCode: Int32?
  /// The signal that terminated it, if any.
  package var signal: Int32?
  /// Whether it exceeded its time limit.
  package var timedOut = false
  /// Its standard output and standard error, not escaped for a terminal.
  package var output = ""
  /// The duration in seconds.
  package var seconds = 0.0

  /// The finding for a failed hook.
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
