import FoundationEssentials
import Glibc
import Subprocess
import Testing

/// A program to run: a command that exits by itself, or a server around a test's body.
///
/// Every child leads its own process group. The group is killed at the end of its scope: after
/// success, an error or cancellation, and also when the test process dies.
package struct Program: Sendable {
  /// A name to look up, or a path.
  package var executable: String
  package var arguments: [String]
  /// Changes to the inherited environment; nil removes a variable.
  package var environment: [String: String?]
  package var workingDirectory: String?

  package init(
    _ executable: String, _ arguments: [String] = [], environment: [String: String?] = [:],
    workingDirectory: String? = nil
  ) {
    self.executable = executable
    self.arguments = arguments
    self.environment = environment
    self.workingDirectory = workingDirectory
  }

  /// Runs the program to its end and returns its status and output.
  ///
  /// A non-zero exit is a result, not an error. `whileRunning` may read the output so far and send
  /// signals. The time limit starts when it returns.
  package func run(
    within limit: Duration = .seconds(60), input: String? = nil,
    whileRunning: (RunningProgram) async throws -> Void = { _ in }
  ) async throws -> ProgramResult {
    try await withTemporaryFolder(label: "run") { folder in
      let (status, _) = try await spawn(folder, input: input, separateErrors: true) { running in
        do {
          try await whileRunning(running)
          try await poll("the end of \(name)", within: limit, every: .milliseconds(3)) {
            !running.isRunning
          }
        } catch let error as HarnessError {
          throw HarnessError(
            "\(error)\nstdout: \(running.standardOutput.tail())\n"
              + "stderr: \(running.standardError.tail())")
        }
      }
      return ProgramResult(
        status: status, standardOutput: folder.read("out") ?? "",
        standardError: folder.read("err") ?? "")
    }
  }

  /// Runs a server around `body`: starts it, waits until it is ready, and stops it afterwards.
  ///
  /// The log (both outputs) is attached to the test. If `body` throws, its last lines are printed.
  /// - Throws: `HarnessError` with the last lines if the server exits or is not ready in time.
  package func serve<Result: Sendable>(
    stopBy signal: Int32 = SIGTERM, within limit: Duration = .seconds(30),
    isReady: (RunningProgram) async throws -> Bool,
    _ body: (RunningProgram) async throws -> Result
  ) async throws -> Result {
    try await withTemporaryFolder(label: "log") { folder in
      defer { attach(folder) }
      let (_, result) = try await spawn(folder, separateErrors: false) { running in
        try await waitUntilReady(running, within: limit, isReady)
        do {
          let result = try await body(running)
          try await stop(running, by: signal)
          return result
        } catch {
          print("\(name) said at last:\n\(running.standardOutput.tail())")
          throw error
        }
      }
      return result
    }
  }

  /// The program's file name.
  package var name: String { String(executable.split(separator: "/").last ?? "program") }

  private func attach(_ folder: TemporaryFolder) {
    // Saved only with --attachments-path.
    if let log = folder.read("out"), Test.current != nil {
      Attachment.record(log, named: "\(name).log")
    }
  }

  private func waitUntilReady(
    _ running: RunningProgram, within limit: Duration,
    _ isReady: (RunningProgram) async throws -> Bool
  ) async throws {
    do {
      try await poll("\(name) to be ready", within: limit) {
        guard running.isRunning else { throw HarnessError("\(name) ended at once") }
        return try await isReady(running)
      }
    } catch let error as HarnessError {
      throw HarnessError("\(error); it said:\n\(running.standardOutput.tail())")
    }
  }

  /// Sends the signal and waits briefly; the end of the scope kills the rest.
  private func stop(_ running: RunningProgram, by signal: Int32) async throws {
    running.send(signal)
    try? await poll("the end of \(name)", within: .seconds(3), every: .milliseconds(3)) {
      !running.isRunning
    }
    try Task.checkCancellation()
  }
}

extension Program {
  /// The shell script that starts each child.
  ///
  /// Its standard input is a pipe that only the test process can close. A watchdog in the process
  /// group, not a child of the program, reads the pipe and kills the group at its end. The shell
  /// execs the program, so that process ID and exit status are the program's own.
  private static let launcher = """
    exec 3<&0
    ( { read -r line <&3; kill -KILL 0; } >/dev/null 2>&1 & )
    out=$1 err=$2 in=$3; shift 3
    exec <"$in" >>"$out" 3<&-
    if [ -n "$err" ]; then exec 2>>"$err"; else exec 2>&1; fi
    exec "$@"
    """

  private func spawn<Result: Sendable>(
    _ folder: TemporaryFolder, input: String? = nil, separateErrors: Bool,
    _ body: (RunningProgram) async throws -> Result
  ) async throws -> (ProgramStatus, Result) {
    guard let path = InstalledProgram.find(executable) else {
      throw HarnessError("\(executable) is not installed")
    }
    let output = try folder.write("out", "")
    let errors = separateErrors ? try folder.write("err", "") : ""
    let source = try input.map { try folder.write("in", $0) } ?? "/dev/null"
    var options = PlatformOptions()
    options.processGroupID = 0
    options.teardownSequence = [
      .send(signal: .terminate, toProcessGroup: true, allowedDurationToNextStep: .seconds(1))
    ]
    var command = ["-c", Self.launcher, "launch", output, errors, source]
    if let workingDirectory { command += ["env", "-C", workingDirectory] }
    let outcome = try await Subprocess.run(
      .name("sh"), arguments: Arguments(command + [path] + arguments),
      environment: mergedEnvironment, platformOptions: options,
      input: .inputWriter, output: .discarded, error: .discarded
    ) { execution in
      let running = RunningProgram(
        pid: execution.processIdentifier.value, name: name,
        outputPath: output, errorPath: separateErrors ? errors : output)
      let result = try await body(running)
      // Kill what is left, such as grandchildren.
      if running.isRunning { running.send(SIGKILL, toGroup: true) }
      return result
    }
    let status: ProgramStatus =
      switch outcome.terminationStatus {
      case .exited(let code): .exited(code)
      case .signaled(let signal): .signalled(signal)
      }
    return (status, outcome.closureResult)
  }

  private var mergedEnvironment: Environment {
    var changes: [Environment.Key: String?] = [:]
    for (name, value) in environment {
      if let key = Environment.Key(rawValue: name) { changes.updateValue(value, forKey: key) }
    }
    return .inherit.updating(changes)
  }
}
