import CertctlBase
import CertctlCore
import CertctlSystem
import FoundationEssentials
import Logging
import Synchronization

/// A program of the user's that edits DNS records, run as another client would run it.
///
/// It is trusted as a hook is: nobody but root and the running user could have put it there. What it
/// prints is not: it is shortened, and searched for secrets of the environment.
struct UserProgram: Sendable {
  /// How long one run may take; such programs often wait for the DNS themselves.
  static let usualTimeLimit = Duration.seconds(600)

  /// The program's absolute path.
  let path: String
  /// What it is to its user: "the certbot hook /etc/acme/auth".
  let title: String
  /// How long it may run.
  var timeLimit: Duration
  /// What it gets of this process's environment.
  var variables: [String: String]
  private let environment: Environment

  /// A program that must be executable, and safe to run.
  ///
  /// - Parameters:
  ///   - path: The absolute path that the user gave.
  ///   - kind: What it is: "certbot hook".
  ///   - environment: Runs it.
  ///   - isRun: Whether it is executed itself; false for a script that a shell reads.
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
        "\(title) cannot be used: \(error.detail ?? error.description)",
        hint: error.hint
          ?? (path.hasPrefix("/") ? nil : "give the whole path, such as /etc/\(path)"))
    }
  }

  /// Runs it to its end.
  ///
  /// - Parameters:
  ///   - arguments: Its arguments.
  ///   - variables: What its environment has beside this process's; nil takes a variable away.
  ///   - action: What it is to do, for the error: "publish _acme-challenge.example.com".
  /// - Returns: Its standard output alone.
  /// - Throws: `CertctlError` with code `challengeFailed` when it cannot be started, takes too long,
  ///   or ends with another code than 0; `CancellationError`.
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

  /// Runs any program in its stead, such as the shell that reads it.
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
      throw CertctlError(
        .challengeFailed, "\(title) could not be started: \(error.description)", hint: error.hint)
    }
    environment.console.logger.debug(
      "ran \(title) to \(action)", metadata: ["output": "\(shown(result.output, limit: 4000))"])
    guard result.succeeded else { throw failure(result, action) }
    return result
  }

  // MARK: - Words

  private func failure(_ result: CommandResult, _ action: String) -> CertctlError {
    let how =
      switch result.ending {
      case _ where result.timedOut:
        "it was stopped after \(timeLimit.components.seconds) seconds"
      case .exited(let code): "it ended with exit code \(code)"
      case .signalled(let number): "it was ended by signal \(number)"
      }
    let said = shown(result.output, limit: 600)
    return CertctlError(
      .challengeFailed,
      "\(title) did not \(action): \(how)" + (said.isEmpty ? "" : ", and said: \(said)"),
      hint:
        "its own documentation says what it needs; it has the environment of certctl, which for "
        + "the timer is that of its service")
  }

  /// A program's words, fit to be shown: their end, where errors stand.
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

  /// The values of variables that look like secrets by their names.
  private var secrets: [String] {
    let words = ["KEY", "TOKEN", "SECRET", "PASS", "PSWD", "CREDENTIAL", "AUTH", "API"]
    return variables.filter { name, value in
      let name = name.uppercased()
      return value.utf8.count >= 6 && !value.hasPrefix("/") && words.contains { name.contains($0) }
    }
    .map(\.value).sorted { $0.utf8.count > $1.utf8.count }
  }
}

/// What the programs of one provider have done in this process.
///
/// A group of records that failed is tried again one by one; most such programs do not stand being
/// asked for the same a second time.
final class ProgramLedger: Sendable {
  /// The last thing that succeeded for a record.
  enum Deed: Sendable, Equatable {
    /// It was made, and the program printed this.
    case published(String)
    /// It was taken away.
    case removed
  }

  private let deeds = Mutex<[ChallengeRecord: Deed]>([:])

  /// The last deed for a record; nil when this process knows of none.
  func last(_ record: ChallengeRecord) -> Deed? { deeds.withLock { $0[record] } }

  /// Makes those records that are not made yet, one after another.
  ///
  /// - Parameters:
  ///   - records: The records.
  ///   - make: Makes one; gives back what is to be known when it is removed.
  /// - Throws: What `make` throws; the records before that one are made.
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

  /// Takes all records away, also after one that failed.
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
  /// What stands after the word's colon.
  ///
  /// - Throws: `CertctlError` with code `usage` when nothing does.
  func requiredArgument() throws -> String {
    if let argument, !argument.isEmpty { return argument }
    let word = descriptor.argument ?? "PATH"
    throw CertctlError(
      .usage, "--dns \(descriptor.name) needs to know which one",
      hint: "give it as --dns \(descriptor.name):\(word)")
  }
}
