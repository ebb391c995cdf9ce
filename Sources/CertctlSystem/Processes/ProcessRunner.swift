internal import CertctlBase
internal import FoundationEssentials
internal import Glibc
internal import Subprocess
internal import SystemPackage

/// Runs programs on this host, each as the leader of a session of its own.
///
/// The child has no terminal, so that it can neither ask nor be reached by Ctrl-C; `/` is its
/// working directory, and it inherits no descriptor. When its time is over or the task is
/// cancelled, it and all who descend from it get SIGTERM, and after `grace` SIGKILL. What a program
/// leaves running when it ends by itself lives on, but nothing more is read from it.
///
/// As root it runs only what nobody but root could have put there or changed. This is the one place
/// that starts programs, so it holds for all of them.
package struct ProcessRunner: CommandRunner {
  /// How long a program may take to end by itself after SIGTERM.
  package var grace: Duration

  /// A runner that leaves five seconds between SIGTERM and SIGKILL.
  package init(grace: Duration = .seconds(5)) { self.grace = grace }

  package func run(_ command: Command) async throws -> CommandResult {
    try Task.checkCancellation()
    let variables = try await Blocking.run { try command.checkedEnvironment() }
    let (stops, stop) = AsyncStream<Stop>.makeStream(bufferingPolicy: .bufferingOldest(1))
    // A task of its own, which the cancellation does not reach: the library would kill the leader
    // only, and our own waits would end at once.
    let work = Task { try await start(command, environment: variables, stops: stops, stop: stop) }
    return try await withTaskCancellationHandler {
      try await work.value
    } onCancel: {
      stop.yield(.cancelled)
    }
  }

  /// Why a program is stopped.
  private enum Stop: Sendable { case timeIsOver, cancelled }

  private func start(
    _ command: Command, environment variables: [Environment.Key: String],
    stops: AsyncStream<Stop>, stop: AsyncStream<Stop>.Continuation
  ) async throws -> CommandResult {
    guard command.tellsErrorsFirst else {
      return try await start(
        command, environment: variables, stops: stops, stop: stop, errors: .combinedWithOutput)
    }
    let ends = try Self.pipe(for: "the errors of")
    let collector = ErrorCollector(reading: ends.readEnd.rawValue, limit: command.outputLimit)
    let errors = Task { await collector.text() }
    let result: Result<CommandResult, any Error>
    do {
      result = .success(
        try await start(
          command, environment: variables, stops: stops, stop: stop,
          errors: .fileDescriptor(ends.writeEnd, closeAfterSpawningProcess: false)))
    } catch {
      result = .failure(error)
    }
    try? ends.writeEnd.close()
    collector.finish()
    let text = await errors.value
    var outcome = try result.get()
    outcome.standardOutput = outcome.output
    outcome.output = text + outcome.output
    return outcome
  }

  private func start<Errors: ErrorOutputProtocol>(
    _ command: Command, environment: [Environment.Key: String], stops: AsyncStream<Stop>,
    stop: AsyncStream<Stop>.Continuation, errors: Errors
  ) async throws -> CommandResult {
    if SystemAccount.isRoot { try await Blocking.run { try command.checkProgram() } }
    let input = try Self.inputDescriptor(command.input)
    defer { close(input) }
    var options = PlatformOptions()
    options.createSession = true
    let began = ContinuousClock.now
    do {
      let outcome = try await Subprocess.run(
        .path(FilePath(command.executable)), arguments: Arguments(command.arguments),
        environment: .custom(environment), workingDirectory: "/", platformOptions: options,
        input: .fileDescriptor(FileDescriptor(rawValue: input), closeAfterSpawningProcess: false),
        output: .sequence, error: errors
      ) { execution in
        let session = ChildSession(leader: execution.processIdentifier.value)
        let timer = Task {
          try await Task.sleep(for: command.timeLimit)
          stop.yield(.timeIsOver)
        }
        let watch = Task { await waitForStop(stops, of: session) }
        var output = CappedOutput(limit: command.outputLimit)
        for try await chunk in execution.standardOutput {
          output.append(unsafe chunk.withUnsafeBytes { unsafe Array($0) })
        }
        await waitForEnd(of: session)
        timer.cancel()
        stop.finish()
        return (output.text, await watch.value)
      }
      let (output, reason) = outcome.closureResult
      if reason == .cancelled { throw CancellationError() }
      return CommandResult(
        ending: outcome.terminationStatus.ending, timedOut: reason == .timeIsOver, output: output,
        duration: ContinuousClock.now - began)
    } catch let error as SubprocessError {
      throw HostError(error, starting: command.executable)
    }
  }

  /// Ends the session if it has to be; returns why, or nil when the program ended by itself.
  private func waitForStop(_ stops: AsyncStream<Stop>, of session: ChildSession) async -> Stop? {
    for await reason in stops {
      await session.end(grace: grace)
      return reason
    }
    return nil
  }

  /// Waits for a program that may have closed its output long before its end.
  private func waitForEnd(of session: ChildSession) async {
    var pause = Duration.milliseconds(1)
    while !session.leaderHasEnded {
      try? await Task.sleep(for: pause)
      pause = min(pause * 2, .milliseconds(50))
    }
  }

  private static func pipe(
    for what: String
  ) throws(HostError) -> (readEnd: FileDescriptor, writeEnd: FileDescriptor) {
    do {
      // Never open to a child: one that is started meanwhile would keep the writing end, and the
      // reader of this one would wait for an end that does not come.
      return try FileDescriptor.pipe(options: .closeOnExec)
    } catch {
      throw HostError(errno: error.rawValue, operation: "make \(what)", subject: "a program")
    }
  }

  /// A descriptor from which the bytes, and then the end, can be read.
  ///
  /// A pipe that is filled and closed before the program starts: nobody has to write while it runs,
  /// so that one that never reads neither blocks us nor sends us SIGPIPE.
  private static func inputDescriptor(_ bytes: [UInt8]) throws(HostError) -> Int32 {
    let ends = try pipe(for: "the input of")
    let reader = ends.readEnd.rawValue
    let writer = Descriptor(ends.writeEnd.rawValue)
    // F_SETPIPE_SZ, which Glibc's module does not show; a pipe takes 64 KiB without it.
    if bytes.count > 1 << 16 { _ = fcntl(writer.raw, 1031, Int32(clamping: bytes.count)) }
    _ = fcntl(writer.raw, F_SETFL, O_NONBLOCK)
    do {
      try writer.write(bytes, subject: "the input of a program")
    } catch {
      close(reader)
      throw error
    }
    return reader
  }
}

extension TerminationStatus {
  fileprivate var ending: CommandResult.Ending {
    switch self {
    case .exited(let code): .exited(code)
    case .signaled(let signal): .signalled(signal)
    }
  }
}

extension Command {
  /// What every program gets of our own environment, if it is there.
  private static let inherited = ["PATH", "LANG", "HOME", "TZ"]

  /// Checks that only root could have put the program there or changed it.
  ///
  /// - Throws: `HostError`.
  fileprivate func checkProgram() throws(HostError) {
    do throws(HostError) {
      _ = try TrustedPath(executable, .program)
    } catch {
      guard error.code == .notFound else { throw error }
      throw HostError(errno: ENOENT, operation: "run", subject: executable)
    }
  }

  /// The whole environment.
  ///
  /// - Throws: `HostError` for what cannot be handed to a program.
  fileprivate func checkedEnvironment() throws(HostError) -> [Environment.Key: String] {
    guard executable.hasPrefix("/"), !executable.utf8.contains(0) else {
      throw HostError(
        .unsafePath, operation: "run", subject: executable, detail: "the path is not absolute")
    }
    let ours = ProcessInfo.processInfo.environment
    var all = ["PATH": TrustedEnvironment.usualPath]
    for name in Self.inherited { all[name] = ours[name] ?? all[name] }
    all.merge(environment) { _, given in given }
    all = TrustedEnvironment(variables: all).checked()
    let isBad = { (text: String) in text.utf8.contains(0) }
    guard !arguments.contains(where: isBad), !all.values.contains(where: isBad),
      !all.keys.contains(where: { $0.isEmpty || $0.contains("=") || isBad($0) })
    else {
      throw HostError(
        .invalidRequest, operation: "run", subject: executable,
        detail: "an argument or variable holds a NUL byte, or a variable's name a '='")
    }
    var variables: [Environment.Key: String] = [:]
    for (name, value) in all {
      if let key = Environment.Key(rawValue: name) { variables[key] = value }
    }
    return variables
  }
}

extension HostError {
  fileprivate init(_ error: SubprocessError, starting path: String) {
    guard var number = error.underlyingError?.rawValue else {
      self.init(.io, operation: "run", subject: path, detail: error.description)
      return
    }
    // The library says that everything is missing that it could not start.
    let isThere = unsafe access(path, F_OK) == 0
    if number == ENOENT, isThere, unsafe access(path, X_OK) != 0 { number = EACCES }
    let hint: String? =
      switch number {
      case ENOEXEC: "a script begins with a line that names its interpreter, such as #!/bin/sh"
      case ENOENT where isThere:
        "the file is there, but not the interpreter that its first line names"
      case EACCES: "make it executable: chmod +x \(path)"
      default: nil
      }
    self.init(errno: number, operation: "run", subject: path, hint: hint)
  }
}
