internal import CertctlBase
internal import FoundationEssentials
internal import Glibc
internal import Subprocess
internal import SystemPackage

/// Runs programs on this host, each as the leader of its own session.
///
/// The child has no terminal, so that it can neither prompt nor receive Ctrl-C; its working
/// directory is `/`, and it inherits no descriptor. When its time limit expires or the task is
/// cancelled, it and its descendants receive SIGTERM, and after `grace` SIGKILL. Processes that a
/// program leaves behind keep running, but nothing more is read from them.
///
/// As root it runs only programs that no other user can have created or changed. All programs are
/// started here, so this applies to all of them.
package struct ProcessRunner: CommandRunner {
  /// The time between SIGTERM and SIGKILL.
  package var grace: Duration

  /// Creates a runner; by default with five seconds between SIGTERM and SIGKILL.
  package init(grace: Duration = .seconds(5)) { self.grace = grace }

  package func run(_ command: Command) async throws -> CommandResult {
    try Task.checkCancellation()
    let variables = try await Blocking.run { try command.checkedEnvironment() }
    let (stops, stop) = AsyncStream<Stop>.makeStream(bufferingPolicy: .bufferingOldest(1))
    // A separate task, which cancellation does not reach: otherwise the library would kill only the
    // leader, and the waits here would end at once.
    let work = Task { try await start(command, environment: variables, stops: stops, stop: stop) }
    return try await withTaskCancellationHandler {
      try await work.value
    } onCancel: {
      stop.yield(.cancelled)
    }
  }

  /// The reason for stopping a program.
  private enum Stop: Sendable { case timeIsOver, cancelled }

  private func start(
    _ command: Command, environment variables: [Environment.Key: String],
    stops: AsyncStream<Stop>, stop: AsyncStream<Stop>.Continuation
  ) async throws -> CommandResult {
    guard command.tellsErrorsFirst else {
      return try await start(
        command, environment: variables, stops: stops, stop: stop, errors: .combinedWithOutput)
    }
    let ends = try Self.pipe(for: "the error output of")
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

  /// Waits for a reason to stop, ends the session and returns it; nil if the program ended by
  /// itself.
  private func waitForStop(_ stops: AsyncStream<Stop>, of session: ChildSession) async -> Stop? {
    for await reason in stops {
      await session.end(grace: grace)
      return reason
    }
    return nil
  }

  /// Waits for a program that may have closed its output long before it ends.
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
      // Close-on-exec: a child that is started meanwhile would keep the write end open, and this
      // pipe's reader would never see the end.
      return try FileDescriptor.pipe(options: .closeOnExec)
    } catch {
      throw HostError(
        errno: error.rawValue, operation: "create a pipe for \(what)", subject: "a program")
    }
  }

  /// Returns a descriptor for reading the bytes.
  ///
  /// It is a pipe that is filled and closed before the program starts: a program that never reads
  /// then neither blocks this process nor causes SIGPIPE.
  private static func inputDescriptor(_ bytes: [UInt8]) throws(HostError) -> Int32 {
    let ends = try pipe(for: "the input of")
    let reader = ends.readEnd.rawValue
    let writer = Descriptor(ends.writeEnd.rawValue)
    // F_SETPIPE_SZ, which the Glibc module does not export; the default size is 64 KiB.
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
  /// The variables that every program inherits if they are set.
  private static let inherited = ["PATH", "LANG", "HOME", "TZ"]

  /// Checks that only root can have created or changed the program.
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

  /// Returns the complete environment.
  ///
  /// - Throws: `HostError` for values that cannot be passed to a program.
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
        detail: "an argument or variable contains a NUL byte, or a variable's name contains '='")
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
    // The library reports ENOENT for every program that it could not start.
    let isThere = unsafe access(path, F_OK) == 0
    if number == ENOENT, isThere, unsafe access(path, X_OK) != 0 { number = EACCES }
    let hint: String? =
      switch number {
      case ENOEXEC: "begin the script with a line that names its interpreter, such as #!/bin/sh"
      case ENOENT where isThere: "install the interpreter that the script's first line names"
      case EACCES: "run: chmod +x \(path)"
      default: nil
      }
    self.init(errno: number, operation: "run", subject: path, hint: hint)
  }
}
