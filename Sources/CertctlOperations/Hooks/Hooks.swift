import CertctlBase
package import CertctlCore
package import CertctlSystem
import FoundationEssentials

/// The user's programs that run before, during and after a renewal.
///
/// They are in `hooks/{pre,deploy,post,notify}.d` of the configuration directory and run one after
/// another, sorted by name, without a shell. The deploy hooks of a lineage run after them.
package struct Hooks: Sendable {
  /// The default time limit of a hook.
  package static let usualTimeLimit = Duration.seconds(600)

  /// The directory with `pre.d`, `deploy.d`, `post.d` and `notify.d`.
  package let directory: String
  let stateDirectory: String
  let environment: Environment
  let runner: any CommandRunner
  let timeLimit: Duration

  /// Creates the hooks of a configuration directory.
  ///
  /// - Parameters:
  ///   - configDirectory: The directory with `hooks`: `/etc/certctl`, or that of the
  ///     configuration file.
  ///   - stateDirectory: The state directory's absolute path.
  ///   - timeLimit: The time limit of each hook.
  ///   - environment: Receives warnings about skipped hooks, and the progress.
  package init(
    configDirectory: String, stateDirectory: String,
    timeLimit: Duration = Hooks.usualTimeLimit, environment: Environment
  ) {
    self.init(
      configDirectory: configDirectory, stateDirectory: stateDirectory, timeLimit: timeLimit,
      environment: environment, runner: ProcessRunner())
  }

  /// Creates the hooks of a configuration directory, to be run by `runner`.
  package init(
    configDirectory: String, stateDirectory: String,
    timeLimit: Duration = Hooks.usualTimeLimit, environment: Environment, runner: any CommandRunner
  ) {
    directory = "\(configDirectory)/hooks"
    self.stateDirectory = stateDirectory
    self.timeLimit = timeLimit
    self.environment = environment
    self.runner = runner
  }

  // MARK: - Listing

  /// Returns the hooks of one event, or of all, in execution order, including unusable ones.
  ///
  /// - Parameters:
  ///   - event: The event; nil for all.
  ///   - own: The absolute paths of a lineage's deploy hooks.
  /// - Returns: The hooks in the directories, then those of the lineage that are not among them.
  /// - Throws: `CertctlError` if a directory cannot be read.
  package func list(_ event: HookEvent? = nil, own: [String] = []) async throws -> [HookReport] {
    do {
      return try await checked(event.map { [$0] } ?? HookEvent.allCases, own)
    } catch {
      throw CertctlError(wrapping: error)
    }
  }

  @Disk private func checked(_ events: [HookEvent], _ own: [String]) throws -> [HookReport] {
    try events.flatMap { event in
      let shared = try inFolder(event)
      let paths = Set(shared.map(\.path))
      let more = event == .deploy ? own.filter { !paths.contains($0) } : []
      return shared + more.map { Self.checked($0, event) }
    }
  }

  private func inFolder(_ event: HookEvent) throws -> [HookReport] {
    let folder = "\(directory)/\(event.rawValue).d"
    return try DurableFolder(path: folder, root: directory).entries()
      .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      .map { name in
        let path = "\(folder)/\(name)"
        guard !Self.isLeftover(name) else {
          return HookReport(
            event: event, path: path, problem: "it is a hidden, temporary or backup file",
            hint: "delete or rename it")
        }
        return Self.checked(path, event)
      }
  }

  private static func checked(_ path: String, _ event: HookEvent) -> HookReport {
    do throws(HostError) {
      _ = try TrustedPath(path, .program)
      return HookReport(event: event, path: path)
    } catch {
      return HookReport(
        event: event, path: path, problem: error.detail ?? error.description, hint: error.hint)
    }
  }

  /// Returns whether an editor or a package manager left a file of this name behind.
  static func isLeftover(_ name: String) -> Bool {
    if name.hasPrefix(".") || name.hasPrefix("#") || name.hasSuffix("~") { return true }
    guard let dot = name.lastIndex(of: ".") else { return false }
    let end = name[name.index(after: dot)...].lowercased()
    return ["bak", "old", "orig", "rej", "save", "swp", "tmp"].contains(end)
      || ["dpkg-", "rpm", "ucf-"].contains { end.hasPrefix($0) }
  }

  // MARK: - Running

  /// Runs the hooks of an event, one after another.
  ///
  /// A failed hook does not stop the others. An unusable hook is skipped with a warning; in `own`
  /// it is a failure, because the user named it.
  ///
  /// - Parameters:
  ///   - occasion: The event with the data for its hooks.
  ///   - own: The absolute paths of the lineage's deploy hooks.
  /// - Returns: The result of each hook.
  /// - Throws: `CancellationError`, after the running hook and its children were stopped.
  package func run(
    _ occasion: HookOccasion, own: [String] = []
  ) async throws(CancellationError) -> [HookResult] {
    let reports: [HookReport]
    do {
      reports = try await list(occasion.event, own: own)
    } catch {
      let error = CertctlError(wrapping: error)
      return [
        HookResult(
          event: occasion.event, path: "\(directory)/\(occasion.event.rawValue).d",
          succeeded: false, message: error.message, hint: error.hint)
      ]
    }
    var results: [HookResult] = []
    for report in reports {
      guard let problem = report.problem else {
        results.append(try await run(report.path, occasion))
        continue
      }
      let sentence = "skipped the hook \(report.path): \(problem)"
      if own.contains(report.path) {
        results.append(
          HookResult(
            event: occasion.event, path: report.path, lineage: occasion.lineage, succeeded: false,
            message: sentence, hint: report.hint))
      } else {
        environment.console.warn(sentence)
      }
    }
    return results
  }

  /// Runs one hook, regardless of its directory.
  ///
  /// - Throws: `CancellationError`.
  func run(
    _ path: String, _ occasion: HookOccasion
  ) async throws(CancellationError) -> HookResult {
    environment.console.progress(.running(hook: path))
    let result = try await attempt {
      let command = Command(
        path, environment: occasion.environment(stateDirectory: stateDirectory),
        input: try occasion.input(), timeLimit: timeLimit)
      return HookResult(try await runner.run(command), of: path, occasion, timeLimit: timeLimit)
    }
    switch result {
    case .success(let result): return result
    case .failure(let error):
      return HookResult(
        event: occasion.event, path: path, lineage: occasion.lineage, succeeded: false,
        message: error.message, hint: error.hint)
    }
  }
}

extension HookOccasion {
  /// The lineage concerned, if any.
  var lineage: String? {
    switch self {
    case .deploy(let lineage): lineage.name
    case .notify(let notice): notice.lineage
    case .pre, .post: nil
    }
  }
}

extension HookResult {
  fileprivate init(
    _ result: CommandResult, of path: String, _ occasion: HookOccasion, timeLimit: Duration
  ) {
    let how =
      switch result.ending {
      case _ where result.timedOut:
        "exceeded its time limit of \(timeLimit.components.seconds) seconds"
      case .exited(0): "succeeded"
      case .exited(let code): "failed with exit code \(code)"
      case .signalled(let number): "was killed by signal \(number)"
      }
    let whom = occasion.lineage.map { " for \($0)" } ?? ""
    self.init(
      event: occasion.event, path: path, lineage: occasion.lineage, succeeded: result.succeeded,
      message: "the \(occasion.event.rawValue) hook \(path)\(whom) \(how)")
    switch result.ending {
    case .exited(let code): exitCode = code
    case .signalled(let number): signal = number
    }
    timedOut = result.timedOut
    output = result.output
    let parts = result.duration.components
    seconds = Double(parts.seconds) + Double(parts.attoseconds / 1_000_000_000_000_000) / 1000
  }
}
