import CertctlBase
import CertctlCore
package import CertctlSystem
import FoundationEssentials

extension RunningNginx {
  /// Finds the nginx in a container of this machine.
  ///
  /// - Parameters:
  ///   - name: The container's name or ID.
  ///   - engines: The engines to query, in this order.
  /// - Returns: The nginx, whose commands run in the container.
  /// - Throws: `CertctlError` with code `usage` for an invalid name, `notFound` if the container or
  ///   an nginx in it does not exist, `configuration` if the container is not running or its engine
  ///   cannot be queried; `CancellationError`.
  static func inContainer(
    _ name: String, engines: [any ContainerEngine]
  ) async throws -> RunningNginx {
    guard ContainerName.isValid(name) else {
      throw CertctlError(
        .usage, "'\(name)' is not a valid container name",
        hint: "use letters, digits, '_', '.' and '-', and start with a letter or digit")
    }
    let container = try await NginxContainer.find(name, engines: engines)
    try await container.requireRunning()
    // A process that has just started may not have its title yet.
    for _ in 0..<10 {
      if let found = try? await RunningNginx(in: container) { return found }
      try await Task.sleep(for: .milliseconds(200))
    }
    return try await RunningNginx(in: container)
  }

  /// Finds the nginx in a container with the installed engines.
  ///
  /// - Throws: The same errors.
  package static func inContainer(
    _ name: String, runner: any CommandRunner
  ) async throws -> RunningNginx {
    let engines = await EngineEnvironment().engines(runner: runner)
    return try await inContainer(name, engines: engines)
  }

  /// Finds the master process of nginx among the processes of the container.
  @Disk private init(in container: NginxContainer) throws {
    let first = container.inspection.state.pid
    guard ProcessTable.isThere(first) else {
      throw CertctlError(
        .configuration, "the processes of container \(container.name) are not on this host",
        hint: "run certctl on the machine that runs the engine, or in the engine's virtual "
          + "machine, but not in a container")
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
            ? "" : " (ignored \(others.joined(separator: ", ")), titled nginx)"),
        hint: "run: \(container.engine.name) top \(container.name)")
    }
    self = found
  }

  /// Returns whether the title of a process in a container can be trusted.
  ///
  /// Commands run in the container with the rights of its first process. A process with fewer
  /// rights must not choose them, so the master must always have belonged to the same user.
  private static func isMaster(_ process: RunningProcess, user: UInt32) -> Bool {
    guard process.users.areAll(user) else { return false }
    if case .file(_, let facts) = process.program { return !facts.isSetuid }
    return true
  }

  // MARK: - Paths and addresses

  /// Returns the host path of a path that nginx sees; nil if it is not mounted.
  ///
  /// For an nginx on the host, it is the same path. Symbolic links are not resolved.
  package func hostPath(_ serverPath: String) -> String? {
    container.map { $0.hostPath(serverPath) } ?? serverPath
  }

  /// Returns the path at which nginx sees a host path; nil if it is not mounted.
  ///
  /// For an nginx on the host, it is the same path. May block briefly, because directories are also
  /// compared by inode.
  package func serverPath(_ hostPath: String) -> String? {
    container.map { $0.serverPath(hostPath) } ?? hostPath
  }

  /// Returns the address at which this host reaches an address of nginx; nil if it cannot.
  ///
  /// It is a published port or the container's own address. For an nginx on the host, it is the
  /// same.
  func endpoint(_ listen: Endpoint) -> Endpoint? {
    container.map { $0.endpoint(listen) } ?? listen
  }
}

extension NginxContainer {
  /// Finds a container in the engines.
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
        // In compose files, `network_mode: service:…` shares the network of another container.
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
        "no container engine found on this host: no docker, no podman and no engine socket",
        hint: "run certctl on the machine that runs the container")
  }

  /// Returns the error for an unknown container, with the names that exist.
  private static func unknown(
    _ name: String, to engine: any ContainerEngine
  ) async throws -> CertctlError {
    let ofService = try await engine.names(of: .service(name))
    let hint: String
    if ofService.isEmpty {
      let running = try await engine.names(of: .running)
      hint =
        running.isEmpty
        ? "start the container, or run: \(engine.name) ps --all"
        : "use one of the running containers: \(running.prefix(8).joined(separator: ", "))"
    } else {
      hint = "use the container of that compose service: \(ofService.joined(separator: ", "))"
    }
    return CertctlError(.notFound, "\(engine.name) has no container named \(name)", hint: hint)
  }

  /// Refuses a container that is not running.
  fileprivate func requireRunning() async throws {
    let state = inspection.state
    if state.isPaused {
      throw CertctlError(
        .configuration, "container \(name) is paused",
        hint: "run: \(engine.name) unpause \(name)")
    }
    guard !state.isRunning || state.isRestarting || state.pid <= 0 else { return }
    if let fault = await emptyFolder {
      throw MountFault.error([fault], in: self)
    }
    let words = try await engine.lastLines(of: name)
    let doing =
      state.isRestarting ? "keeps restarting" : "is not running (\(state.status))"
    throw CertctlError(
      .configuration, "container \(name) \(doing)" + (words.isEmpty ? "" : ": \(words)"),
      hint: state.isRestarting
        ? "run: \(engine.name) logs \(name)" : "run: \(engine.name) start \(name)")
  }

  /// The fault of a mounted host directory that hides the configuration of the image.
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
