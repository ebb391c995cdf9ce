/// A hook as `hook list` tells it.
public struct HookReport: Sendable, Encodable {
  /// When it runs.
  public let event: HookEvent
  /// Its path.
  public let path: String
  /// The lineage that it belongs to; nil when it runs for all.
  public var lineage: String?
  /// Why it does not run; nil when it does.
  public var problem: String?
  /// What to do about the problem.
  public var hint: String?

  /// Whether it runs.
  public var isUsable: Bool { problem == nil }

  /// The file's name.
  public var name: String { path.split(separator: "/").last.map(String.init) ?? path }
}

/// What became of one hook.
public struct HookResult: Sendable, Encodable {
  /// The event.
  public let event: HookEvent
  /// The hook's path.
  public let path: String
  /// The lineage that it ran for.
  public var lineage: String?
  /// Whether it ended by itself with exit code 0.
  public let succeeded: Bool
  /// What happened, in a finished sentence.
  public let message: String
  /// What to do next, if that is known.
  public var hint: String?
  /// The exit code, if it ended by one.
  public var exitCode: Int32?
  /// The signal, if one ended it.
  public var signal: Int32?
  /// Whether it was stopped because its time was over.
  public var timedOut = false
  /// What it wrote to standard output and standard error; its own words, not yet safe to show.
  public var output = ""
  /// How long it took, in seconds.
  public var seconds = 0.0
}
