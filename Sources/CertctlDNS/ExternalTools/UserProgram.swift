import CertctlBase
import CertctlCore
import CertctlSystem
import FoundationEssentials
import Logging
import Synchronization

/// A user's program that edits DNS records, run in the way of another ACME client.
///
/// It must be safe to run, like a hook: only root and the current user may be able to change it.
/// Its output is not trusted: it is shortened, and secrets of the environment are removed.
struct UserProgram: Sendable {
  /// The default time limit of a run; such programs often wait for DNS propagation themselves.
  static let usualTimeLimit = Duration.seconds(600)

  /// The absolute path.
  let path: String
  /// The description for messages: "the certbot hook /etc/acme/auth".
  let title: String
  /// The time limit of a run.
  var timeLimit: Duration
  /// The environment variables that it inherits.
  var variables: [String: String]
  private let environment: Environment

  /// Creates a program and checks that it is executable and safe to run.
  ///
  /// - Parameters:
  ///   - path: The absolute path.
  ///   - kind: The kind of program, for messages: "certbot hook".
  ///   - environment: The environment that runs it.
  ///   - isRun: Whether it is executed; false for a script that a shell reads.
  ///   - variables: The environment variables of this process.
  /// - Throws: `CertctlError` with code `configuration`.
  init(
    _ path: String, kind: String, environment: Environment, isRun: Bool = true,
    variables: [String: String] = ProcessInfo.processInfo.environment
  ) throws {
    self.path = path
    title = "the \(kind) \(path)"
    timeLimit = Self.usualTimeLimit
    self.environment = environment
    self.variables = variables.filter { !$0.key.hasPrefix("CERTCTL_") }
    do throws(HostError) {
      _ = try TrustedPath(path, isRun ? .program : .file)
    } catch {
      throw CertctlError(
        .configuration,
        "cannot use \(title): \(error.detail ?? error.description)",
        hint: error.hint
          ?? (path.hasPrefix("/") ? nil : "use the absolute path, such as /etc/\(path)"))
    }
  }

  /// Runs the program and waits for its end.
  ///
  /// - Parameters:
  ///   - arguments: The arguments.
  ///   - variables: Changes to the inherited environment; nil removes a variable.
  ///   - action: The action for error messages: "add _acme-challenge.example.com".
  /// - Returns: The standard output.
  /// - Throws: `CertctlError` with code `challengeFailed` if it cannot be started, times out, or
  ///   does not exit with code 0; `CancellationError`.
  @discardableResult
  func run(
    _ arguments: [String] = [], variables: [String: String?] = [:], to action: String
  ) async throws -> String {
    var command = Command(path, arguments)
    command.environment = self.variables
    for (name, value) in variables { command.environment[name] = value }
    let result = try await run(command, to: action)
    return result.standardOutput ?? result.output
  }

  /// Runs another command on behalf of the program, such as the shell that reads it.
  ///
  /// - Throws: `CertctlError` with code `challengeFailed`, `CancellationError`.
  func run(_ command: Command, to action: String) async throws -> CommandResult {
    var command = command
    command.timeLimit = timeLimit
    command.tellsErrorsFirst = true
    let result: CommandResult
    do {
      result = try await environment.runner.run(command)
    } catch let error as HostError {
      let cause = error.subject == path ? error.detail : nil
      throw CertctlError(
        .challengeFailed, "cannot start \(title): \(cause ?? error.description)", hint: error.hint)
    }
    environment.console.logger.debug(
      "ran \(title) to \(action)", metadata: ["output": "\(shown(result.output, limit: 4000))"])
    guard result.succeeded else { throw failure(result, action) }
    return result
  }

  // MARK: - Messages

  private func failure(_ result: CommandResult, _ action: String) -> CertctlError {
    let how =
      switch result.ending {
      case _ where result.timedOut:
        "stopped after \(timeLimit.components.seconds) s"
      case .exited(let code): "exit code \(code)"
      case .signalled(let number): "killed by signal \(number)"
      }
    let said = shown(result.output, limit: 600)
    return CertctlError(
      .challengeFailed,
      "cannot \(action) with \(title): \(how)" + (said.isEmpty ? "" : "; output: \(said)"),
      hint:
        "check the environment variables it needs; the timer runs it with those of "
        + "certctl-renew.service")
  }

  /// Returns output for display: on one line, without secrets, and only its end, where errors are.
  func shown(_ text: String, limit: Int) -> String {
    var text = text
    for secret in secrets {
      text = text.split(separator: secret, omittingEmptySubsequences: false).joined(
        separator: "***")
    }
    let lines = text.split(whereSeparator: \.isNewline)
    let line = lines.joined(separator: " | ")
    return line.count > limit ? "…" + line.suffix(limit) : line
  }

  /// The values of variables whose names suggest a secret.
  private var secrets: [String] {
    let words = ["KEY", "TOKEN", "SECRET", "PASS", "PSWD", "CREDENTIAL", "AUTH", "API"]
    return variables.filter { name, value in
      let name = name.uppercased()
      return value.utf8.count >= 6 && !value.hasPrefix("/") && words.contains { name.contains($0) }
    }
    .map(\.value).sorted { $0.utf8.count > $1.utf8.count }
  }
}

/// The record of what a provider's programs have done in this process.
///
/// After a failure, the records of a group are retried one by one, but most such programs cannot
/// add the same record twice.
final class ProgramLedger: Sendable {
  /// The last successful action for a record.
  enum Deed: Sendable, Equatable {
    /// The record was added; the value is the output of the program.
    case published(String)
    /// The record was removed.
    case removed
  }

  private let deeds = Mutex<[ChallengeRecord: Deed]>([:])

  /// Returns the last successful action for a record in this process, if any.
  func last(_ record: ChallengeRecord) -> Deed? { deeds.withLock { $0[record] } }

  /// Adds the records that have not been added yet, one after another.
  ///
  /// - Parameters:
  ///   - records: The records.
  ///   - make: Adds a record; returns the output to keep until the removal.
  /// - Throws: The errors of `make`; the records before the failed one have been added.
  func publish(
    _ records: [ChallengeRecord],
    _ make: (_ record: ChallengeRecord, _ index: Int) async throws -> String
  ) async throws {
    for (index, record) in records.enumerated() {
      if case .published = last(record) { continue }
      let output = try await make(record, index)
      deeds.withLock { $0[record] = .published(output) }
    }
  }

  /// Removes all records, and continues after a failure.
  ///
  /// - Throws: The first failure.
  func remove(
    _ records: [ChallengeRecord],
    _ take: (_ record: ChallengeRecord, _ index: Int) async throws -> Void
  ) async throws {
    var failure: CertctlError?
    for (index, record) in records.enumerated() where last(record) != .removed {
      switch try await attempt({ try await take(record, index) }) {
      case .success: deeds.withLock { $0[record] = .removed }
      case .failure(let error): failure = failure ?? error
      }
    }
    if let failure { throw failure }
  }
}

extension DNSProviderContext {
  /// Returns the argument after the colon of `--dns NAME:ARGUMENT`.
  ///
  /// - Throws: `CertctlError` with code `usage` if it is missing.
  func requiredArgument() throws -> String {
    if let argument, !argument.isEmpty { return argument }
    let word = descriptor.argument ?? "PATH"
    throw CertctlError(
      .usage, "--dns \(descriptor.name) requires an argument after a colon",
      hint: "use --dns \(descriptor.name):\(word)")
  }
}
