/// A program to run, without a shell or an inherited environment, and with a time limit.
package struct Command: Sendable {
  /// The program's absolute path.
  package var executable: String
  /// The arguments, without the program's name.
  package var arguments: [String]
  /// The environment variables in addition to `PATH`, `LANG`, `HOME` and `TZ`.
  package var environment: [String: String]
  /// The contents of standard input.
  package var input: [UInt8]
  /// The time limit.
  package var timeLimit: Duration
  /// The maximum number of output bytes to keep.
  package var outputLimit: Int
  /// Whether standard error is collected separately and placed before the output.
  ///
  /// For programs that forward both streams, such as `docker exec`: through a single pipe they
  /// arrive in arbitrary pieces, and a warning may end up in the middle of a line of output.
  package var tellsErrorsFirst = false

  /// Creates a command; by default with a time limit of ten minutes, and 64 KiB of output.
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

/// The exit status and output of a program.
package struct CommandResult: Sendable, Equatable {
  /// The way the program ended.
  package enum Ending: Sendable, Equatable {
    /// With an exit code.
    case exited(Int32)
    /// With a signal.
    case signalled(Int32)
  }

  /// The way the program ended.
  package var ending: Ending
  /// Whether it was stopped because its time limit expired.
  package var timedOut: Bool
  /// Standard output and standard error, with the middle omitted if it was too long.
  package var output: String
  /// Standard output alone; nil unless the errors were collected separately.
  package var standardOutput: String?
  /// The running time.
  package var duration: Duration

  /// Creates a result, for test runners.
  package init(
    ending: Ending, timedOut: Bool = false, output: String = "", duration: Duration = .zero
  ) {
    self.ending = ending
    self.timedOut = timedOut
    self.output = output
    self.duration = duration
  }

  /// Whether the program exited with code 0 within its time limit.
  package var succeeded: Bool { ending == .exited(0) && !timedOut }
}

/// A runner of programs; tests replace it.
package protocol CommandRunner: Sendable {
  /// Runs a program to its end.
  ///
  /// A program's failure is a result, not an error.
  ///
  /// - Throws: `HostError` if the program cannot be started, `CancellationError` if the task was
  ///   cancelled; then the program and its children have ended.
  func run(_ command: Command) async throws -> CommandResult
}
