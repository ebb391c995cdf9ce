import CertctlBase
import CertctlStore
import CertctlSystem

/// Decides whether root may run an nginx that was found by the title of a process.
///
/// Everything that decides what would run is checked first: the owner of the process, and that it
/// executes the program in its title. The program, the prefix, the main configuration file, the
/// modules and all their parent directories must belong to root and be writable by root only.
struct NginxTrust: Sendable {
  let state: StateDirectory
  let runner: any CommandRunner

  /// Returns the nginx of a process.
  ///
  /// - Throws: `RefusedNginx` if another user can influence it; `HostError` or `CertctlError` if it
  ///   cannot be queried; `CancellationError`.
  func check(_ process: RunningProcess) async throws -> RunningNginx {
    guard process.users.areAll(0) else {
      throw RefusedNginx(
        process, "it does not run as root",
        hint: process.unit.map { "reload it with a deploy hook: systemctl reload \($0)" },
        mayServe: false)
    }
    guard let titled = RunningNginx(process) else {
      throw RefusedNginx(process, "its process title contains no program path", mayServe: false)
    }
    let unit = try await ServiceUnit.of(process, runner: runner)
    let isManaged = unit?.mainProcess == process.pid
    try await requireNamed(titled.executable, process)
    let program = try await trusted(process) { try TrustedPath(titled.executable, .program) }
    switch process.program {
    case .file(let path, let facts):
      let isReplaced = facts.isDeleted || path != program.resolvedPath
      guard isReplaced || facts.stamp == program.stamp else {
        throw RefusedNginx(
          process, "it runs a different \(path) than the installed one", mayServe: false)
      }
    case .hidden:
      // In a sandbox: trust systemd, or a run that could see the program.
      let isNamed =
        if isManaged, let path = unit?.program {
          await isTrusted(path, as: program)
        } else { false }
      let isKnown = await VerifiedNginx.store(in: state).has(titled, program)
      guard isNamed || isKnown else {
        throw RefusedNginx(
          process, "its program cannot be seen from this sandbox",
          hint: "run once as root outside the sandbox: certctl nginx status", mayServe: true)
      }
    }
    var nginx = titled
    nginx.unit = isManaged && unit?.canReload == true ? process.unit : nil
    nginx.program = program
    (nginx.mainFile, nginx.foreignFiles) = try await checkFiles(of: titled, process)
    return nginx
  }

  /// Stores which programs were verified, for runs in a sandbox.
  func remember(_ found: [RunningNginx]) async {
    let seen = found.filter { if case .file? = $0.process?.program { true } else { false } }
    guard !seen.isEmpty else { return }
    // Best effort: this run does not need it.
    try? await VerifiedNginx.store(in: state).add(seen)
  }

  /// Checks that a process executes the program in its title, where that is visible.
  @Disk private func requireNamed(_ title: String, _ process: RunningProcess) throws {
    guard case .file(let path, let facts) = process.program else { return }
    // Any user can start a setuid program with any title, and it becomes a process of root.
    guard !facts.isSetuid else {
      throw RefusedNginx(process, "it runs the setuid program \(path)", mayServe: false)
    }
    let named = title.resolvingLinks
    // `make install` of nginx renames the running program.
    guard path == named || path == "\(named).old" else {
      throw RefusedNginx(
        process, "its process title names \(title), but it runs \(path)", mayServe: false)
    }
  }

  /// Checks the files that the program would read, before it is run with them.
  ///
  /// - Returns: The main file, and warnings about other files.
  private func checkFiles(
    of nginx: RunningNginx, _ process: RunningProcess
  ) async throws -> (main: String, foreign: [String]) {
    let said = try await nginx.version.run(by: runner)
    guard said.output.contains("configure arguments:") else {
      throw RefusedNginx(
        process, "\(nginx.executable) -V does not print its build options", mayServe: true)
    }
    let given = nginx.option("-p")
    let prefix = given ?? RunningNginx.builtInPrefix(said.output)
    let whole = { @Sendable (path: String) in path.hasPrefix("/") ? path : "\(prefix)/\(path)" }
    let main = nginx.option("-c").map(whole) ?? whole(RunningNginx.builtIn(said.output, prefix))
    let directives = nginx.option("-g")
    let files = try await trusted(process) {
      if let given { _ = try TrustedPath.ifPresent(given, .folder) }
      let context = try NginxMainContext(main: main, directives: directives)
      for module in context.modules { _ = try TrustedPath.ifPresent(whole(module), .file) }
      return context.files
    }
    return (main, await warnings(about: main, beside: files))
  }

  /// Returns warnings about the files that are included in blocks.
  @Disk private func warnings(about main: String, beside files: Set<String>) -> [String] {
    NginxConfiguration(reading: main).texts.keys.filter { !files.contains($0) }.sorted()
      .compactMap { path in
        do throws(HostError) {
          _ = try TrustedPath.ifPresent(path, .settings)
          return nil
        } catch {
          return "nginx reads \(path), which other users can change: "
            + (error.detail ?? error.description)
        }
      }
  }

  @Disk private func isTrusted(_ path: String, as program: TrustedPath) -> Bool {
    (try? TrustedPath(path, .program)) == program
  }

  /// Runs checks of paths and turns their errors into refusals of the process.
  private func trusted<Value: Sendable>(
    _ process: RunningProcess, _ body: @Disk @Sendable () throws -> Value
  ) async throws -> Value {
    do {
      return try await body()
    } catch let error as HostError where error.code == .unsafePath {
      throw RefusedNginx(
        process, error.detail ?? error.description, hint: error.hint, mayServe: true)
    }
  }
}

/// The systemd service of a process.
private struct ServiceUnit: Sendable {
  /// The process ID of its main process.
  var mainProcess: Int32 = 0
  /// The path of the program that it starts.
  var program: String?
  /// Whether it supports reloading.
  var canReload = false

  /// Returns the service of a process; nil if there is none or systemd does not respond.
  static func of(
    _ process: RunningProcess, runner: any CommandRunner
  ) async throws -> ServiceUnit? {
    guard let unit = process.unit, RunningNginx.hasServiceManager else { return nil }
    let properties = ["MainPID", "ExecStart", "CanReload"].map { "--property=\($0)" }
    let result = try await runner.run(
      Command(
        RunningNginx.serviceManager, ["show"] + properties + ["--", unit],
        timeLimit: .seconds(30)))
    guard result.succeeded else { return nil }
    var service = ServiceUnit()
    for line in result.output.split(separator: "\n") {
      let words = line.split(separator: "=", maxSplits: 1).map(String.init)
      guard words.count == 2 else { continue }
      switch words[0] {
      case "MainPID": service.mainProcess = Int32(words[1]) ?? 0
      case "CanReload": service.canReload = words[1] == "yes"
      case "ExecStart": service.program = path(words[1])
      default: break
      }
    }
    return service
  }

  /// Returns the path in "{ path=/usr/sbin/nginx ; argv[]=… }".
  private static func path(_ text: String) -> String? {
    guard let start = text.ranges(of: "path=").first?.upperBound else { return nil }
    return text[start...].ranges(of: " ;").first.map { String(text[start..<$0.lowerBound]) }
  }
}
