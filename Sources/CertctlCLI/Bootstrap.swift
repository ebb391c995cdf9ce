import ACME
import ArgumentParser
import CertctlBase
import CertctlCore
import CertctlHTTP
import CertctlOperations
import CertctlStore
import CertctlSystem
import FoundationEssentials
import Logging
import Synchronization

/// The version of this certctl.
let certctlVersion = "0.1.0"

/// Creates the `Context` of a command from flags, environment and configuration file, and runs it.
///
/// Only this type creates live services such as HTTP clients.
struct Bootstrap: Sendable {
  static let userAgent = "certctl/\(certctlVersion) (+https://github.com/certctl/certctl)"

  let options: GlobalOptions
  let output: Output
  private let line: ProgressLine

  init(_ options: GlobalOptions) {
    self.options = options
    output = options.output
    line = ProgressLine(options.output)
  }

  /// Runs a command; on failure prints its error and throws its exit code.
  ///
  /// A signal cancels the command. After the cleanup the process ends with that signal. A second
  /// signal ends it immediately.
  ///
  /// - Parameters:
  ///   - options: The options of every command.
  ///   - needsConfiguration: Whether an invalid configuration file is an error. Otherwise it is a
  ///     warning, and the built-in defaults apply.
  ///   - body: The command.
  /// - Returns: The result of the command.
  /// - Throws: The exit code.
  @discardableResult
  static func run<Value: Sendable>(
    _ options: GlobalOptions, needsConfiguration: Bool = true,
    _ body: @escaping @Sendable (Context, Output) async throws -> Value
  ) async throws -> Value {
    let bootstrap = Bootstrap(options)
    return try await bootstrap.run {
      let context = try await bootstrap.context(needsConfiguration)
      return { try await body(context, bootstrap.output) }
    }
  }

  /// Runs a command without state and configuration, otherwise like `run`.
  ///
  /// - Parameters:
  ///   - options: The options of every command.
  ///   - body: The command; it also receives the progress line.
  /// - Returns: The result of the command.
  /// - Throws: The exit code.
  @discardableResult
  static func runAlone<Value: Sendable>(
    _ options: GlobalOptions,
    _ body: @escaping @Sendable (Output, ProgressLine) async throws -> Value
  ) async throws -> Value {
    let bootstrap = Bootstrap(options)
    return try await bootstrap.run { { try await body(bootstrap.output, bootstrap.line) } }
  }

  /// Prepares and runs a command, and turns its error into a message and an exit code.
  private func run<Value: Sendable>(
    _ prepare: () async throws -> @Sendable () async throws -> Value
  ) async throws -> Value {
    do {
      let body = try await prepare()
      let value = try await endingBySignal(
        onSignal: {
          output.note(
            "interrupted, cleaning up; press Ctrl-C again to quit immediately", isNamed: true)
        }, body)
      line.clear()
      return value
    } catch {
      let failure = CertctlError(wrapping: error)
      output.fail(failure)
      throw ExitCode(failure.exitCode)
    }
  }

  private func context(_ needsConfiguration: Bool) async throws -> Context {
    var settings = Configuration()
    do {
      settings = try await configuration()
    } catch let error as CertctlError where !needsConfiguration {
      output.warn(error.message)
    }
    let stateDirectory = stateDirectory
    try await StateDirectory(path: stateDirectory).requireTrust(command: CommandLine.arguments)
    return Context(
      stateDirectory: stateDirectory, configuration: settings,
      configDirectory: options.configDirectory, lockTimeout: .seconds(options.lockTimeout),
      environment: environment())
  }

  private var stateDirectory: String {
    let environment = ProcessInfo.processInfo.environment["CERTCTL_STATE_DIR"]
    return (options.stateDirectory ?? environment).flatMap { $0.isEmpty ? nil : $0 }
      .map(absolutePath) ?? "/var/lib/certctl"
  }

  @Disk private func configuration() throws -> Configuration {
    let path = options.config.map(absolutePath) ?? "/etc/certctl/certctl.toml"
    // /dev/null conventionally stands for an empty configuration.
    guard path != "/dev/null" else { return Configuration() }
    let isThere = try requireTrust(path)
    guard isThere, let bytes = FileManager.default.contents(atPath: path) else {
      // An unreadable file is an error; only a missing default file is not.
      guard options.config != nil || isThere else { return Configuration() }
      throw CertctlError(
        .configuration,
        "cannot read the configuration file \(path): "
          + (isThere ? "it is a directory, or this user may not read it" : "no such file"),
        hint: options.config == nil ? "run certctl as root" : "set --config to an existing file")
    }
    return try Configuration(toml: String(decoding: bytes, as: UTF8.self), path: path)
  }

  /// Refuses a file that another user owns or can write to; returns whether it exists.
  @Disk private func requireTrust(_ path: String) throws -> Bool {
    // A file descriptor from the user's own shell needs no check.
    guard !UserFile.isHandedOver(path) else { return true }
    do throws(HostError) {
      return try TrustedPath.require(path, .settings)
    } catch {
      let why = error.detail ?? error.description
      let isFolder = FileFacts(path: path)?.kind == .folder
      throw CertctlError(
        .configuration,
        "cannot use the configuration file \(path): "
          + (isFolder ? "it is a directory" : why),
        hint: isFolder ? "set --config to an existing file" : error.hint)
    }
  }

  private func environment() -> Environment {
    let clients = SharedClients()
    let said = Warnings()
    return Environment(
      http: { clients.client(caBundle: $0) },
      console: Console(
        logger: logger(),
        progress: { [line] step in line.show(step) },
        warn: { [output, said] text in
          // Several steps of a run may find the same problem.
          if said.isNew(text) { output.warn(text) }
        },
        tell: { [output] lines in output.note(lines: lines) }, isAttended: output.isWatched))
  }

  private func logger() -> Logger {
    var logger = Logger(label: "certctl") { [output] label in
      if output.isJournal { return JournalLogHandler() }
      return StreamLogHandler(label: label, stream: LogStream())
    }
    // The journal is read later, when it is too late to run again with --verbose.
    logger.logLevel = options.verbose ? .debug : output.isJournal ? .info : .critical
    return logger
  }
}

/// The HTTP clients of a run: one for each CA bundle, so that each CA gets one connection.
private final class SharedClients: Sendable {
  private let clients = Mutex<[String: CurlHTTPClient]>([:])

  func client(caBundle: String?) -> CurlHTTPClient {
    clients.withLock { clients in
      if let client = clients[caBundle ?? ""] { return client }
      let client = CurlHTTPClient(.init(userAgent: Bootstrap.userAgent, caBundle: caBundle))
      clients[caBundle ?? ""] = client
      return client
    }
  }
}

/// The warnings printed in this run.
private final class Warnings: Sendable {
  private let texts = Mutex<Set<String>>([])

  /// Returns whether a warning is new, and remembers it.
  func isNew(_ text: String) -> Bool { texts.withLock { $0.insert(text).inserted } }
}
