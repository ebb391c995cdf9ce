/// A talk with `certctl` on a pseudo-terminal: what it said, and how it ended.
package struct TerminalTalk {
  package let text: String
  package let status: ProgramStatus

  /// Runs a command; each answer is typed when its prompt has been seen.
  package static func run(
    _ bench: CommandLineBench, _ arguments: [String], answers: [(prompt: String, text: String)],
    environment: [String: String?] = [:]
  ) async throws -> TerminalTalk {
    let lines = answers.flatMap { [$0.prompt, $0.text] }
    let command = bench.binary.program(arguments, environment: environment)
    var program = command
    program.executable = "python3"
    program.arguments =
      ["-c", script, "\(answers.count)"] + lines + [command.executable] + command.arguments
    let result = try await program.run(within: .seconds(40)).requireSuccess("the terminal")
    let parts = result.standardOutput.split(separator: "\u{1F}", omittingEmptySubsequences: false)
    guard parts.count == 2, let number = Int32(parts[1]) else {
      throw HarnessError("the terminal's end is missing: \(result)")
    }
    return TerminalTalk(
      text: String(parts[0]), status: number < 0 ? .signalled(-number) : .exited(number))
  }

  /// Prints what was said, a unit separator, and the exit code; a signal is a negative number.
  private static let script = """
    import os, pty, select, signal, sys, time
    count = int(sys.argv[1])
    answers = [(sys.argv[2 + 2 * i], sys.argv[3 + 2 * i]) for i in range(count)]
    command = sys.argv[2 + 2 * count:]
    pid, master = pty.fork()
    if pid == 0:
        os.execv(command[0], command)
    said, end = b"", time.time() + 30
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
    sys.stdout.write(said.decode(errors="replace") + "\\x1f" + str(code))
    """
}
