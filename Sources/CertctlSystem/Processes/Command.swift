/// A program to run: no shell, no inherited environment, with an end.
package struct Command: Sendable {
  /// The program's absolute path.
  package var executable: String
  /// Its arguments, without its own name.
  package var arguments: [String]
  /// What its environment holds beside `PATH`, `LANG`, `HOME` and `TZ`.
  package var environment: [String: String]
  /// What it can read from its standard input.
  package var input: [UInt8]
  /// How long it may run.
  package var timeLimit: Duration
  /// How many bytes of its output are kept.
  package var outputLimit: Int
  /// Whether standard error is kept apart while it runs, and stands before the output.
  ///
  /// For programs that carry both from elsewhere, as `docker exec` does: through one pipe they come
  /// in pieces of any length, and a warning ends up in the middle of a line of the output.
  package var tellsErrorsFirst = false

  /// A program with its arguments, ten minutes, and 64 KiB of output.
  package init(
    _ executable: String, _ arguments: [String] = [], environment: [String: String] = [:],
    input: [UInt8] = [], timeLimit: Duration = .seconds(600), outputLimit: Int = 64 << 10
  ) {
    self.executable = executable
    self.arguments = arguments
    self.environment = environment
    self.input = input
    self.timeLimit = timeLimit
    self.outputLimit = outputLimit
  }
}

/// How a program ended, and what it wrote.
package struct CommandResult: Sendable, Equatable {
  /// How the program itself ended.
  package enum Ending: Sendable, Equatable {
    /// By this exit code.
    case exited(Int32)
    /// By this signal.
    case signalled(Int32)
  }

  /// How it ended.
  package var ending: Ending
  /// Whether it was stopped because its time was over.
  package var timedOut: Bool
  /// Standard output and standard error, the middle left out when it was too much.
  package var output: String
  /// Standard output alone, where the errors were kept apart; nil where they were not.
  package var standardOutput: String?
  /// From start to end.
  package var duration: Duration

  /// A result, for runners that stand in for the real one.
  package init(
    ending: Ending, timedOut: Bool = false, output: String = "", duration: Duration = .zero
  ) {
    self.ending = ending
    self.timedOut = timedOut
    self.output = output
    self.duration = duration
  }

  /// Whether it ended by itself with exit code 0.
  package var succeeded: Bool { ending == .exited(0) && !timedOut }
}

/// Whoever runs programs: this host, or a stand-in.
package protocol CommandRunner: Sendable {
  /// Runs a program to its end.
  ///
  /// A failure of the program is a result, not an error.
  ///
  /// - Throws: `HostError` when the program cannot be started, `CancellationError` when the task was
  ///   cancelled; the program and its children are gone then.
  func run(_ command: Command) async throws -> CommandResult
}
