import CertctlBase
import CertctlStore
import CertctlSystem

/// Whether root may run an nginx that was found by the title of a process.
///
/// Everything that decides what would run is checked before anything is run: who the process belongs
/// to, that it executes the program that its title names, and that program, prefix, main configuration
/// file and modules, with all their parent folders, belong to root and can be written by nobody else.
struct NginxTrust: Sendable {
  let state: StateDirectory
  let runner: any CommandRunner

  /// The nginx of a process.
  ///
  /// - Throws: `RefusedNginx` when somebody else could decide what it is; `HostError` or
  ///   `CertctlError` when it cannot be asked; `CancellationError`.
  func check(_ process: RunningProcess) async throws -> RunningNginx {
    guard process.users.areAll(0) else {
      throw RefusedNginx(
        process, "it is not root's process",
        hint: process.unit.map { "a deploy hook can reload it: systemctl reload \($0)" },
        mayServe: false)
    }
    guard let titled = RunningNginx(process) else {
      throw RefusedNginx(process, "its title names no program", mayServe: false)
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
          process, "it executes another \(path) than the one that is there", mayServe: false)
      }
    case .hidden:
      // In a sandbox: the service manager's word, or that of a run that could see it.
      let isNamed =
        if isManaged, let path = unit?.program {
          await isTrusted(path, as: program)
        } else { false }
      let isKnown = await VerifiedNginx.store(in: state).has(titled, program)
      guard isNamed || isKnown else {
        throw RefusedNginx(
          process, "which program it runs cannot be seen from this sandbox",
          hint: "run once as root, outside of it: certctl nginx status", mayServe: true)
      }
    }
    var nginx = titled
    nginx.unit = isManaged && unit?.canReload == true ? process.unit : nil
    nginx.program = program
    (nginx.mainFile, nginx.foreignFiles) = try await checkFiles(of: titled, process)
    return nginx
  }

  /// Keeps which programs were verified, for runs in a sandbox.
  func remember(_ found: [RunningNginx]) async {
    let seen = found.filter { if case .file? = $0.process?.program { true } else { false } }
    guard !seen.isEmpty else { return }
    // Nothing depends on it here.
    try? await VerifiedNginx.store(in: state).add(seen)
  }

  /// Checks that a process executes the program that its title names, where that can be seen.
  @Disk private func requireNamed(_ title: String, _ process: RunningProcess) throws {
    guard case .file(let path, let facts) = process.program else { return }
    // Any user can start such a program, choose its title, and have it become root's.
    guard !facts.isSetuid else {
      throw RefusedNginx(process, "it executes a setuid program, \(path)", mayServe: false)
    }
    let named = title.resolvingLinks
    // nginx's `make install` renames the program that runs.
    guard path == named || path == "\(named).old" else {
      throw RefusedNginx(
        process, "its title names \(title), but it executes \(path)", mayServe: false)
    }
  }

  /// Checks what the program would read, before it is run with it.
  ///
  /// - Returns: The main file, and what is unwise about others.
  private func checkFiles(
    of nginx: RunningNginx, _ process: RunningProcess
  ) async throws -> (main: String, foreign: [String]) {
    let said = try await nginx.version.run(by: runner)
    guard said.output.contains("configure arguments:") else {
      throw RefusedNginx(
        process, "\(nginx.executable) -V does not say how nginx was built", mayServe: true)
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

  /// What is unwise about the files that are read inside of blocks.
  @Disk private func warnings(about main: String, beside files: Set<String>) -> [String] {
    NginxConfiguration(reading: main).texts.keys.filter { !files.contains($0) }.sorted()
      .compactMap { path in
        do throws(HostError) {
          _ = try TrustedPath.ifPresent(path, .settings)
          return nil
        } catch {
          return "nginx reads \(path), which not only root decides about: "
            + (error.detail ?? error.description)
        }
      }
  }

  @Disk private func isTrusted(_ path: String, as program: TrustedPath) -> Bool {
    (try? TrustedPath(path, .program)) == program
  }

  /// Runs checks of paths, whose refusals are those of the process.
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

/// What systemd says of a service.
private struct ServiceUnit: Sendable {
  /// The number of its main process.
  var mainProcess: Int32 = 0
  /// The path of the program that it starts.
  var program: String?
  /// Whether it can be told to load its configuration anew.
  var canReload = false

  /// The service that a process belongs to; nil when it belongs to none, or systemd does not answer.
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

  /// The path in "{ path=/usr/sbin/nginx ; argv[]=… }".
  private static func path(_ text: String) -> String? {
    guard let start = text.ranges(of: "path=").first?.upperBound else { return nil }
    return text[start...].ranges(of: " ;").first.map { String(text[start..<$0.lowerBound]) }
  }
}
