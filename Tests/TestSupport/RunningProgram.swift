import Glibc

/// The exit status of a program.
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

/// The status and output of a program.
package struct ProgramResult: Sendable, CustomStringConvertible {
  package let status: ProgramStatus
  package let standardOutput: String
  package let standardError: String

  /// The exit code, or nil if a signal ended the program.
  package var exitCode: Int32? {
    if case .exited(let code) = status { code } else { nil }
  }

  /// The signal that ended the program, or nil.
  package var signal: Int32? {
    if case .signalled(let signal) = status { signal } else { nil }
  }

  /// The status and both outputs, for a failed expectation.
  package var description: String {
    "\(status)\nstdout: \(standardOutput)\nstderr: \(standardError)"
  }

  /// Returns the result if the exit code is 0.
  /// - Throws: `HarnessError` with both outputs otherwise.
  @discardableResult
  package func requireSuccess(_ what: String) throws -> ProgramResult {
    guard status == .exited(0) else { throw HarnessError("\(what) failed: \(self)") }
    return self
  }
}

/// A running child process.
package struct RunningProgram: Sendable {
  package let pid: Int32
  package let name: String
  let outputPath: String
  let errorPath: String

  /// The standard output so far; for servers, both outputs.
  package var standardOutput: String { readText(outputPath) ?? "" }

  /// The standard error so far; for servers, both outputs.
  package var standardError: String { readText(errorPath) ?? "" }

  /// The size of the output so far, in bytes.
  package var outputSize: Int {
    var status = stat()
    return stat(outputPath, &status) == 0 ? Int(status.st_size) : 0
  }

  /// Returns the output after this offset in bytes.
  package func output(after offset: Int) -> String {
    let file = open(outputPath, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return "" }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: max(0, outputSize - offset))
    let count = pread(file, &bytes, bytes.count, off_t(offset))
    return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
  }

  /// Whether the program is running; a zombie is not.
  package var isRunning: Bool {
    var information = siginfo_t()
    // WNOWAIT leaves the exit status for the process that collects it.
    let answer = waitid(P_PID, id_t(pid), &information, WEXITED | WNOHANG | WNOWAIT)
    return answer == 0 && information.si_signo != SIGCHLD
  }

  /// Sends a signal; does nothing if the program has ended.
  package func send(_ signal: Int32, toGroup: Bool = false) {
    _ = kill(toGroup ? -pid : pid, signal)
  }

  /// Waits until the output contains a text.
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
