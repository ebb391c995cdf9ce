/// A talk with `certctl` on a pseudo-terminal: what it said, what the terminal shows of it, and how it
/// ended.
package struct TerminalTalk {
  /// What it said, as it was written.
  package let text: String
  package let status: ProgramStatus
  /// What a person sees in the end.
  package let screen: TerminalScreen

  /// Runs a command; each answer is typed when its prompt has been seen.
  package static func run(
    _ bench: CommandLineBench, _ arguments: [String], answers: [(prompt: String, text: String)],
    environment: [String: String?] = [:], columns: Int? = nil
  ) async throws -> TerminalTalk {
    try await run(
      bench.binary, arguments, answers: answers, environment: environment, columns: columns)
  }

  /// Runs a command on a terminal of so many columns; each answer is typed when its prompt has been
  /// seen.
  ///
  /// - Parameters:
  ///   - binary: What is run.
  ///   - arguments: Its arguments.
  ///   - answers: What is typed, and at which prompt.
  ///   - environment: Changes to the environment, such as `TERM`.
  ///   - columns: The width of the terminal, which `COLUMNS` does not hide then; nil leaves it unknown.
  /// - Returns: The talk.
  /// - Throws: `HarnessError` when the command does not end.
  package static func run(
    _ binary: CertctlBinary, _ arguments: [String],
    answers: [(prompt: String, text: String)] = [], environment: [String: String?] = [:],
    columns: Int? = nil
  ) async throws -> TerminalTalk {
    let lines = answers.flatMap { [$0.prompt, $0.text] }
    var environment = environment
    if columns != nil { environment["COLUMNS"] = .some(nil) }
    let command = binary.program(arguments, environment: environment)
    var program = command
    program.executable = "python3"
    program.arguments =
      ["-c", script, "\(columns ?? 0)", "\(answers.count)"] + lines
      + [command.executable] + command.arguments
    let result = try await program.run(within: .seconds(100)).requireSuccess("the terminal")
    let parts = result.standardOutput.split(separator: "\u{1F}", omittingEmptySubsequences: false)
    guard parts.count == 2, let number = Int32(parts[1]) else {
      throw HarnessError("the terminal's end is missing: \(result)")
    }
    let text = String(parts[0])
    return TerminalTalk(
      text: text, status: number < 0 ? .signalled(-number) : .exited(number),
      screen: TerminalScreen(text, columns: columns ?? 80))
  }

  /// Prints what was said, a unit separator, and the exit code; a signal is a negative number.
  private static let script = """
    import fcntl, os, pty, select, signal, struct, sys, termios, time
    columns, count = int(sys.argv[1]), int(sys.argv[2])
    answers = [(sys.argv[3 + 2 * i], sys.argv[4 + 2 * i]) for i in range(count)]
    command = sys.argv[3 + 2 * count:]
    pid, master = pty.fork()
    if pid == 0:
        if columns:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        os.execv(command[0], command)
    said, end = b"", time.time() + 90
    seen = 0
    while time.time() < end:
        if not select.select([master], [], [], 0.2)[0]:
            continue
        try:
            chunk = os.read(master, 4096)
        except OSError:
            break
        if not chunk:
            break
        said += chunk
        while answers and answers[0][0].encode() in said[seen:]:
            seen = said.index(answers[0][0].encode(), seen) + 1
            os.write(master, answers.pop(0)[1].encode())
    else:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    sys.stdout.buffer.write(said + b"\\x1f" + str(code).encode())
    """
}
