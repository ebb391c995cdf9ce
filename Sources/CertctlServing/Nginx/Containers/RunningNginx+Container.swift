import CertctlBase
import CertctlCore
package import CertctlSystem
import FoundationEssentials

extension RunningNginx {
  /// Finds the nginx that runs in a container of this machine.
  ///
  /// - Parameters:
  ///   - name: The container's name or number.
  ///   - engines: The engines to ask, in this order.
  /// - Returns: The nginx, whose commands run in the container.
  /// - Throws: `CertctlError` with code `usage` for what cannot be a name, `notFound` when there is
  ///   no such container or no nginx in it, `configuration` when it does not run or its engine
  ///   cannot be asked; `CancellationError`.
  static func inContainer(
    _ name: String, engines: [any ContainerEngine]
  ) async throws -> RunningNginx {
    guard ContainerName.isValid(name) else {
      throw CertctlError(
        .usage, "\(name) cannot be the name of a container",
        hint: "names have letters, digits, '_', '.' and '-', and begin with a letter or digit")
    }
    let container = try await NginxContainer.find(name, engines: engines)
    try await container.requireRunning()
    // One that has just been started has not got its title yet.
    for _ in 0..<10 {
      if let found = try? await RunningNginx(in: container) { return found }
      try await Task.sleep(for: .milliseconds(200))
    }
    return try await RunningNginx(in: container)
  }

  /// Finds the nginx that runs in a container, by the engines that are installed.
  ///
  /// - Throws: The same.
  package static func inContainer(
    _ name: String, runner: any CommandRunner
  ) async throws -> RunningNginx {
    let engines = await EngineEnvironment().engines(runner: runner)
    return try await inContainer(name, engines: engines)
  }

  /// Finds the master process of nginx among the container's processes.
  @Disk private init(in container: NginxContainer) throws {
    let first = container.inspection.state.pid
    guard ProcessTable.isThere(first) else {
      throw CertctlError(
        .configuration, "the processes of container \(container.name) are not on this machine",
        hint: "run certctl on the machine on which the engine runs, and not in a container or "
          + "beside a virtual machine that has the engine in it")
    }
    let masters = ProcessTable.processes(titled: Self.title, startedBy: first)
    guard let user = ProcessTable.process(first)?.users.effective,
      let found = masters.lazy.filter({ Self.isMaster($0, user: user) })
        .compactMap({ RunningNginx($0, in: container) }).first
    else {
      let others = masters.map { "process \($0.pid) of user \($0.users.real)" }
      throw CertctlError(
        .notFound,
        "no nginx runs in container \(container.name)"
          + (others.isEmpty
            ? "" : ", although \(others.joined(separator: ", ")) calls itself by its name"),
        hint: "\(container.engine.name) top \(container.name) lists what does")
    }
    self = found
  }

  /// Whether the title of a process in a container may say what is run there.
  ///
  /// Commands run in the container with the rights of its first process. A process with fewer rights
  /// must not choose them, so the master has to be the same user's from its start.
  private static func isMaster(_ process: RunningProcess, user: UInt32) -> Bool {
    guard process.users.areAll(user) else { return false }
    if case .file(_, let facts) = process.program { return !facts.isSetuid }
    return true
  }

  // MARK: - Paths and addresses

  /// Where this host sees what nginx sees at an absolute path; nil when it is not mounted.
  ///
  /// Of an nginx on the host, the path itself. Symbolic links on the way are not followed.
  package func hostPath(_ serverPath: String) -> String? {
    container.map { $0.hostPath(serverPath) } ?? serverPath
  }

  /// Where nginx sees an absolute path of this host; nil when it is not mounted.
  ///
  /// Of an nginx on the host, the path itself. May block for a moment: folders are also compared by
  /// what they are.
  package func serverPath(_ hostPath: String) -> String? {
    container.map { $0.serverPath(hostPath) } ?? hostPath
  }

  /// Where this host reaches an address on which nginx listens; nil when it cannot.
  ///
  /// That is a published port, or the container's own address. Of an nginx on the host, itself.
  func endpoint(_ listen: Endpoint) -> Endpoint? {
    container.map { $0.endpoint(listen) } ?? listen
  }
}

extension NginxContainer {
  /// Asks the engines for a container.
  static func find(
    _ name: String, engines: [any ContainerEngine]
  ) async throws -> NginxContainer {
    var failure: CertctlError?
    var answering: (any ContainerEngine)?
    for engine in engines {
      do {
        guard var found = try await engine.inspect(name) else {
          answering = answering ?? engine
          continue
        }
        // The network of another container: `network_mode: service:…` in compose files.
        if found.networkMode.hasPrefix("container:"),
          case let other = String(found.networkMode.dropFirst("container:".count)),
          ContainerName.isValid(other),
          let owner = try await engine.inspect(other)
        {
          found.networkMode = owner.networkMode
          found.networks = owner.networks
          found.ports = owner.ports
        }
        return NginxContainer(found, name: name, engine: engine)
      } catch let error as CertctlError {
        failure = failure ?? error
      }
    }
    if let answering { throw try await unknown(name, to: answering) }
    throw failure
      ?? CertctlError(
        .configuration,
        "there is neither docker nor podman on this machine, nor the socket of an engine",
        hint: "run certctl on the machine on which the container runs")
  }

  /// The error for a container that the engine does not know, with the names that it does.
  private static func unknown(
    _ name: String, to engine: any ContainerEngine
  ) async throws -> CertctlError {
    let ofService = try await engine.names(of: .service(name))
    let hint: String
    if ofService.isEmpty {
      let running = try await engine.names(of: .running)
      hint =
        running.isEmpty
        ? "no container runs; start it, or look at: \(engine.name) ps --all"
        : "those that run are: \(running.prefix(8).joined(separator: ", "))"
    } else {
      hint = "the compose service of that name has: \(ofService.joined(separator: ", "))"
    }
    return CertctlError(.notFound, "\(engine.name) has no container named \(name)", hint: hint)
  }

  /// Refuses a container in which nothing can be run now.
  fileprivate func requireRunning() async throws {
    let state = inspection.state
    if state.isPaused {
      throw CertctlError(
        .configuration, "container \(name) is paused", hint: "\(engine.name) unpause \(name)")
    }
    guard !state.isRunning || state.isRestarting || state.pid <= 0 else { return }
    if let fault = await emptyFolder {
      throw MountFault.error([fault], in: self)
    }
    let words = try await engine.lastLines(of: name)
    let doing =
      state.isRestarting ? "ends each time that it is started" : "is not running (\(state.status))"
    throw CertctlError(
      .configuration, "container \(name) \(doing)" + (words.isEmpty ? "" : ": \(words)"),
      hint: state.isRestarting
        ? "look at: \(engine.name) logs \(name)" : "start it: \(engine.name) start \(name)")
  }

  /// Why nginx finds no configuration: a folder of the host that has none is mounted over it.
  @Disk private var emptyFolder: MountFault? {
    let main = "/etc/nginx/nginx.conf"
    let survey = MountSurvey(
      container: self, configuration: main, stateDirectory: "/var/lib/certctl", copy: nil)
    guard let mount = mount(at: main), mount.kind == .bind, mount.destination != main else {
      return nil
    }
    return survey.emptyFolder(main.moved(from: mount.destination, to: mount.source).parentFolder)
  }
}
