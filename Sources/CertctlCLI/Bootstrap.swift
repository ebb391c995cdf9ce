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

/// Joins flags, environment and configuration file to a `Context`, and runs a command with it.
///
/// This is the only place where the live pieces are made.
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

  /// Runs a command: prints its error, and ends with the exit code that belongs to it.
  ///
  /// A signal cancels the command; when all that it presented is cleaned up, the process ends by
  /// that signal. A second signal ends it at once.
  ///
  /// - Parameters:
  ///   - options: What every command takes.
  ///   - needsConfiguration: Whether a configuration file that is wrong is the end; else it is a
  ///     warning, and the built-in defaults hold.
  ///   - body: The command.
  /// - Returns: What the command returns, such as whether all is well.
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

  /// Runs a command that needs neither state nor configuration, with the same ends as `run`.
  ///
  /// - Parameters:
  ///   - options: What every command takes.
  ///   - body: The command; it gets the line for its progress, too.
  /// - Returns: What the command returns.
  /// - Throws: The exit code.
  @discardableResult
  static func runAlone<Value: Sendable>(
    _ options: GlobalOptions,
    _ body: @escaping @Sendable (Output, ProgressLine) async throws -> Value
  ) async throws -> Value {
    let bootstrap = Bootstrap(options)
    return try await bootstrap.run { { try await body(bootstrap.output, bootstrap.line) } }
  }

  /// Prepares a command, runs it, and turns its error into words and an exit code.
  private func run<Value: Sendable>(
    _ prepare: () async throws -> @Sendable () async throws -> Value
  ) async throws -> Value {
    do {
      let body = try await prepare()
      let value = try await endingBySignal(
        onSignal: {
          output.note("interrupted, cleaning up; interrupt again to stop at once", isNamed: true)
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
    // The usual word for none.
    guard path != "/dev/null" else { return Configuration() }
    let isThere = try requireTrust(path)
    guard isThere, let bytes = FileManager.default.contents(atPath: path) else {
      // One that is there and cannot be read must not be taken for one that is not there.
      guard options.config != nil || isThere else { return Configuration() }
      throw CertctlError(
        .configuration,
        "the configuration file \(path) "
          + (isThere ? "cannot be read: it is a folder, or not for this user" : "is not there"),
        hint: options.config == nil ? "run certctl as root, with sudo" : "check --config")
    }
    return try Configuration(toml: String(decoding: bytes, as: UTF8.self), path: path)
  }

  /// Refuses a configuration that somebody else owns or can write; returns whether there is one.
  @Disk private func requireTrust(_ path: String) throws -> Bool {
    // What the person's own shell hands over is that person's word.
    guard !UserFile.isHandedOver(path) else { return true }
    do throws(HostError) {
      return try TrustedPath.require(path, .settings)
    } catch {
      let why = error.detail ?? error.description
      let isFolder = FileFacts(path: path)?.kind == .folder
      throw CertctlError(
        .configuration,
        "the configuration file \(path) "
          + (isFolder ? "cannot be read: it is a folder" : "is not used: \(why)"),
        hint: isFolder ? "check --config" : error.hint)
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
          // Several steps of a run may come across the same.
          if said.isNew(text) { output.warn(text) }
        },
        tell: { [output] lines in output.note(lines: lines) }, isAttended: output.isWatched))
  }

  private func logger() -> Logger {
    var logger = Logger(label: "certctl") { [output] label in
      if output.isJournal { return JournalLogHandler() }
      return StreamLogHandler(label: label, stream: LogStream())
    }
    // A journal is read afterwards, when it is too late to ask for more.
    logger.logLevel = options.verbose ? .debug : output.isJournal ? .info : .critical
    return logger
  }
}

/// The HTTP clients of a run: one for each way to trust, so that each CA gets one connection.
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

/// The warnings of a run.
private final class Warnings: Sendable {
  private let texts = Mutex<Set<String>>([])

  /// Whether a warning has not been given yet; from now on it has.
  func isNew(_ text: String) -> Bool { texts.withLock { $0.insert(text).inserted } }
}
