import CertctlBase
import CertctlCore
import CertctlSystem
import FoundationEssentials

/// What the environment says about the container engine to ask, and whether root may follow it.
struct EngineEnvironment: Sendable, Equatable {
  /// The variables that the command lines read to find their engine.
  let variables: [String: String]

  private static let names: Set<String> = [
    "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY",
    "DOCKER_API_VERSION", "CONTAINER_HOST", "CONTAINER_CONNECTION", "XDG_RUNTIME_DIR",
  ]

  /// What an environment says; all else in it is left out.
  init(_ environment: [String: String] = ProcessInfo.processInfo.environment) {
    variables = environment.filter { Self.names.contains($0.key) }
  }

  /// The command lines that are installed, docker's first, else the sockets.
  ///
  /// They are not looked for in `PATH`: certctl runs as root, and what it starts is not to depend
  /// on the shell that it was started from.
  @Disk func engines(
    in folders: [String] = ["/usr/bin", "/usr/local/bin", "/bin", "/snap/bin"],
    runner: any CommandRunner
  ) -> [any ContainerEngine] {
    let programs = ["docker", "podman"].compactMap { name in
      folders.map { "\($0)/\(name)" }
        .first { FileManager.default.isExecutableFile(atPath: $0) }
        .map { CommandLineEngine(path: $0, environment: self, runner: runner) }
    }
    guard programs.isEmpty else { return programs }
    let named = ["DOCKER_HOST", "CONTAINER_HOST"].compactMap { variables[$0] }
      .filter { $0.hasPrefix("unix://") }.map { String($0.dropFirst("unix://".count)) }
    return (named.isEmpty ? ["/run/docker.sock", "/run/podman/podman.sock"] : named)
      // The file's name tells the engine's, for hints.
      .filter { $0.hasSuffix(SocketEngine.suffix) && FileFacts(path: $0) != nil }
      .map { SocketEngine(path: $0, environment: self) }
  }

  // MARK: - Trust

  /// Refuses an engine of another machine: mounts are paths of the machine on which it runs, and
  /// only this one's can be written.
  ///
  /// - Throws: `CertctlError` with code `configuration`.
  func requireThisMachine() throws(CertctlError) {
    for name in ["DOCKER_HOST", "CONTAINER_HOST"] {
      guard let host = variables[name], !host.isEmpty, !host.hasPrefix("unix:") else { continue }
      throw CertctlError(
        .configuration, "\(name) names an engine that is not reached by a socket of this machine",
        hint: "run certctl on the machine on which the container runs")
    }
  }

  /// Refuses, as root, an engine that another user runs or chose.
  ///
  /// What it says of mounts decides where root writes.
  ///
  /// - Parameter socket: The socket that is asked; nil for a command line.
  /// - Throws: `CertctlError` with code `configuration`.
  @Disk func requireTrust(socket: String? = nil) throws(CertctlError) {
    guard SystemAccount.isRoot else { return }
    if let socket { try Self.require(socket, .socket, socket) }
    for (name, value) in variables where !value.isEmpty {
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
        "the container engine at \(place) is not asked as root: "
          + (error.detail ?? error.description),
        hint: TrustedPath.foreignOwner(of: path).flatMap(SystemAccount.userName)
          .map {
            "run certctl as the user who runs it: sudo -u \($0) certctl …"
          })
    }
  }
}
