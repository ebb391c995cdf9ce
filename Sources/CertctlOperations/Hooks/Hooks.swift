import CertctlBase
package import CertctlCore
package import CertctlSystem
import FoundationEssentials

/// The programs of the user that run before, at and after a renewal.
///
/// They lie in `hooks/{pre,deploy,post,notify}.d` of the configuration directory and run one after
/// another, sorted by name, without a shell. A lineage's own deploy hooks come after them.
package struct Hooks: Sendable {
  /// How long a hook may run unless the user says otherwise.
  package static let usualTimeLimit = Duration.seconds(600)

  /// The folder that holds `pre.d`, `deploy.d`, `post.d` and `notify.d`.
  package let directory: String
  let stateDirectory: String
  let environment: Environment
  let runner: any CommandRunner
  let timeLimit: Duration

  /// The hooks of a configuration directory.
  ///
  /// - Parameters:
  ///   - configDirectory: The folder that holds `hooks`; `/etc/certctl`, or that of the
  ///     configuration file.
  ///   - stateDirectory: The state directory's absolute path.
  ///   - timeLimit: How long each hook may run.
  ///   - environment: Hears of the hooks that are skipped, and of each that runs.
  package init(
    configDirectory: String, stateDirectory: String,
    timeLimit: Duration = Hooks.usualTimeLimit, environment: Environment
  ) {
    self.init(
      configDirectory: configDirectory, stateDirectory: stateDirectory, timeLimit: timeLimit,
      environment: environment, runner: ProcessRunner())
  }

  /// The hooks of a configuration directory, run by `runner`.
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

  // MARK: - Looking

  /// The hooks of one event, or of all, in the order in which they run, with those that do not.
  ///
  /// - Parameters:
  ///   - event: The event; nil for all.
  ///   - own: The deploy hooks of a lineage: absolute paths.
  /// - Returns: Those in the folders, then those of the lineage that are not among them.
  /// - Throws: `CertctlError` when a folder cannot be read.
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
            event: event, path: path, problem: "it is hidden, or was left by an editor or package",
            hint: "delete it, or give it another name")
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

  /// Whether a file of this name was left behind by an editor or a package manager.
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
  /// A hook that fails stops no other. What must not be run is skipped with a warning; but of `own`,
  /// which somebody asked for by name, it is a failure.
  ///
  /// - Parameters:
  ///   - occasion: The event, with what its hooks are told.
  ///   - own: The deploy hooks of the lineage: absolute paths.
  /// - Returns: What became of each.
  /// - Throws: `CancellationError`; the hook that ran, and its children, are gone then.
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

  /// Runs one hook, whichever folder it lies in.
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
  /// The lineage that the event is about, if it is about one.
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
        "was stopped after its time limit of \(timeLimit.components.seconds) seconds"
      case .exited(0): "succeeded"
      case .exited(let code): "ended with exit code \(code)"
      case .signalled(let number): "was ended by signal \(number)"
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
