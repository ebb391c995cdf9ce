import Glibc

/// How a program ended.
package enum ProgramStatus: Sendable, Hashable, CustomStringConvertible {
  case exited(Int32)
  case signalled(Int32)

  package var description: String {
    switch self {
    case .exited(let code): "exit code \(code)"
    case .signalled(let signal): "signal \(signal)"
    }
  }
}

/// How a program ended and what it wrote.
package struct ProgramResult: Sendable, CustomStringConvertible {
  package let status: ProgramStatus
  package let standardOutput: String
  package let standardError: String

  /// The exit code, or nil when a signal ended the program.
  package var exitCode: Int32? {
    if case .exited(let code) = status { code } else { nil }
  }

  /// The signal that ended the program, if one did.
  package var signal: Int32? {
    if case .signalled(let signal) = status { signal } else { nil }
  }

  /// Everything, for a failed expectation.
  package var description: String {
    "\(status)\nstdout: \(standardOutput)\nstderr: \(standardError)"
  }

  /// The result itself when the exit code was 0.
  /// - Throws: `HarnessError` with both outputs.
  @discardableResult
  package func requireSuccess(_ what: String) throws -> ProgramResult {
    guard status == .exited(0) else { throw HarnessError("\(what) failed: \(self)") }
    return self
  }
}

/// A child that runs.
package struct RunningProgram: Sendable {
  package let pid: Int32
  package let name: String
  let outputPath: String
  let errorPath: String

  /// What it wrote to its standard output so far; of a server, to both.
  package var standardOutput: String { readText(outputPath) ?? "" }

  /// What it wrote to its standard error so far; of a server, to both.
  package var standardError: String { readText(errorPath) ?? "" }

  /// The size in bytes of what it wrote so far.
  package var outputSize: Int {
    var status = stat()
    return stat(outputPath, &status) == 0 ? Int(status.st_size) : 0
  }

  /// What it wrote to its standard output, of a server to both, after so many bytes.
  package func output(after offset: Int) -> String {
    let file = open(outputPath, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return "" }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: max(0, outputSize - offset))
    let count = pread(file, &bytes, bytes.count, off_t(offset))
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }

  /// Whether it has not ended yet; an ended child that nobody waited for counts as ended.
  package var isRunning: Bool {
    var information = siginfo_t()
    // WNOWAIT: the exit status stays for the one who collects it.
    let answer = waitid(P_PID, id_t(pid), &information, WEXITED | WNOHANG | WNOWAIT)
    return answer == 0 && information.si_signo != SIGCHLD
  }

  /// Sends a signal; one that comes too late is no error.
  package func send(_ signal: Int32, toGroup: Bool = false) {
    _ = kill(toGroup ? -pid : pid, signal)
  }

  /// Waits until the output so far contains a text.
  package func waitForOutput(_ text: String, within limit: Duration = .seconds(20)) async throws {
    try await poll("\"\(text)\" from \(name)", within: limit) {
      if standardOutput.contains(text) || standardError.contains(text) { return true }
      guard isRunning else {
        throw HarnessError(
          "\(name) ended without \"\(text)\":\n\(standardOutput.tail())\n\(standardError.tail())")
      }
      return false
    }
  }
}
