import CertctlBase
import FoundationEssentials
import HostIO

/// A container engine of this machine, asked by its command line, `docker` or `podman`, or, where
/// neither is installed, by its socket.
struct ContainerEngine: Sendable, Equatable {
  /// The absolute path of the program, or of the socket: `EngineCommandRunner` runs both.
  let executable: String
  /// What its environment says about where the engine listens.
  let environment: [String: String]

  /// The name of the program, as a person types it.
  var name: String {
    let file = executable.split(separator: "/").last.map(String.init) ?? "docker"
    return EngineCommandRunner.isSocket(executable) ? String(file.dropLast(5)) : file
  }

  /// The command lines that are installed, docker's first, else the sockets; blocks.
  ///
  /// They are not looked for in `PATH`: certctl runs as root, and what it starts is not to depend
  /// on the shell that it was started from.
  static func installed(
    in folders: [String] = ["/usr/bin", "/usr/local/bin", "/bin", "/snap/bin"],
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) -> [ContainerEngine] {
    let ours = environment.filter { Self.variables.contains($0.key) }
    let programs = ["docker", "podman"].compactMap { name in
      folders.map { "\($0)/\(name)" }
        .first { FileManager.default.isExecutableFile(atPath: $0) }
        .map { ContainerEngine(executable: $0, environment: ours) }
    }
    guard programs.isEmpty else { return programs }
    let named = ["DOCKER_HOST", "CONTAINER_HOST"].compactMap { ours[$0] }
      .filter { $0.hasPrefix("unix://") }.map { String($0.dropFirst("unix://".count)) }
    return (named.isEmpty ? ["/run/docker.sock", "/run/podman/podman.sock"] : named)
      .filter { EngineCommandRunner.isSocket($0) && FileFacts(path: $0) != nil }
      .map { ContainerEngine(executable: $0, environment: ours) }
  }

  /// What the command lines read to find their engine.
  private static let variables: Set<String> = [
    "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY",
    "DOCKER_API_VERSION", "CONTAINER_HOST", "CONTAINER_CONNECTION", "XDG_RUNTIME_DIR",
  ]

  /// A command of the engine, without a shell.
  func command(
    _ arguments: [String], within limit: Duration = .seconds(60), outputLimit: Int = 4 << 20
  ) -> Command {
    Command(
      executable, arguments, environment: environment, timeLimit: limit, outputLimit: outputLimit)
  }

  /// What the engine knows of a container; nil when it has none of that name.
  ///
  /// - Throws: `CertctlError` with code `configuration` when the engine cannot be asked,
  ///   `CancellationError`.
  func inspect(
    _ container: String, runner: any CommandRunner
  ) async throws -> ContainerInspection? {
    try refuseOtherMachines()
    try await Blocking.run { try requireTrust() }
    let result = try await runner.run(
      // Without a format: Podman 4 prints its list for "{{json .}}" too.
      command(["inspect", "--type", "container", container]))
    if result.succeeded, let found = ContainerInspection(output: result.output) { return found }
    if !result.timedOut, Self.saysNotFound(result.output) { return nil }
    throw failure(result)
  }

  /// The names of the containers that a filter of the engine leaves; none when it does not answer.
  func names(filter: String? = nil, runner: any CommandRunner) async throws -> [String] {
    let filters = filter.map { ["--all", "--filter", $0] } ?? []
    let result = try await runner.run(command(["ps"] + filters + ["--format", "{{.Names}}"]))
    guard result.succeeded else { return [] }
    return result.output.split(separator: "\n").map(String.init)
      .filter(NginxContainer.isName).sorted()
  }

  /// The last lines that a container wrote; empty when the engine does not tell.
  func lastLines(of container: String, runner: any CommandRunner) async throws -> String {
    let result = try await runner.run(
      command(["logs", "--tail", "3", container], outputLimit: 8 << 10))
    guard result.succeeded else { return "" }
    return Self.oneLine(result.output)
  }

  // MARK: - Failures

  /// Mounts are paths of the machine on which the engine runs: only this one's can be written.
  private func refuseOtherMachines() throws {
    for name in ["DOCKER_HOST", "CONTAINER_HOST"] {
      guard let host = environment[name], !host.isEmpty, !host.hasPrefix("unix:") else { continue }
      throw CertctlError(
        .configuration, "\(name) names an engine that is not reached by a socket of this machine",
        hint: "run certctl on the machine on which the container runs")
    }
  }

  /// Refuses, as root, an engine that another user runs or chose.
  ///
  /// What it says of mounts decides where root writes. Blocks.
  ///
  /// - Throws: `CertctlError` with code `configuration`.
  private func requireTrust() throws(CertctlError) {
    guard SystemAccount.isRoot else { return }
    if EngineCommandRunner.isSocket(executable) {
      try Self.require(executable, .socket, executable)
    }
    for (name, value) in environment where !value.isEmpty {
      switch name {
      case "DOCKER_HOST", "CONTAINER_HOST":
        let path = value.hasPrefix("unix://") ? String(value.dropFirst("unix://".count)) : value
        try Self.require(path, .socket, name)
      case "DOCKER_CONFIG", "DOCKER_CERT_PATH", "XDG_RUNTIME_DIR":
        try Self.require(value, .folder, name)
      default: break
      }
    }
  }

  private static func require(
    _ path: String, _ kind: TrustedPath.Kind, _ name: String
  ) throws(CertctlError) {
    do throws(HostError) {
      _ = try TrustedPath.ifPresent(path, kind)
    } catch {
      let place = name == path ? name : "\(name)=\(path)"
      throw CertctlError(
        .configuration,
        "the container engine at \(escapedForTerminal(place)) is not asked as root: "
          + escapedForTerminal(error.detail ?? error.description),
        hint: TrustedPath.foreignOwner(of: path).flatMap(SystemAccount.userName)
          .map {
            "run certctl as the user who runs it: sudo -u \(escapedForTerminal($0)) certctl …"
          })
    }
  }

  private static func saysNotFound(_ output: String) -> Bool {
    let words = output.lowercased()
    return ["no such container", "no such object", "no container with name or id"]
      .contains { words.contains($0) }
  }

  /// Why the engine could not be asked, in its own words.
  func failure(_ result: CommandResult) -> CertctlError {
    let words = result.output.lowercased()
    if result.timedOut {
      return CertctlError(
        .configuration, "the engine behind \(executable) does not answer",
        hint: "look at: systemctl status \(name)")
    }
    if words.contains("permission denied") {
      return CertctlError(
        .configuration, "this user may not use \(name): \(Self.oneLine(result.output))",
        hint: "run certctl as root; who may use the engine's socket is root in all but name anyway")
    }
    if words.contains("cannot connect") || words.contains("unable to connect")
      || words.contains("is the docker daemon running")
    {
      return CertctlError(
        .configuration, "the engine of \(name) is not running: \(Self.oneLine(result.output))",
        hint: "start it: systemctl start \(name)")
    }
    return CertctlError(
      .configuration, "\(name) cannot be asked: \(Self.oneLine(result.output))")
  }

  /// The first of the text, on one line, without what a terminal would obey.
  static func oneLine(_ text: String) -> String {
    // An inspection of nothing prints an empty list before it says why.
    let lines = text.split { $0.isNewline }.filter { $0 != "[]" }.prefix(4)
      .joined(separator: " / ")
    return lines.isEmpty ? "it said nothing" : escapedForTerminal(String(lines.prefix(400)))
  }
}
