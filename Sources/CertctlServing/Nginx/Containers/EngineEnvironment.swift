import CertctlBase
import CertctlCore
import CertctlSystem
import FoundationEssentials

/// The environment variables that select the container engine, and whether root may trust them.
struct EngineEnvironment: Sendable, Equatable {
  /// The variables that the command lines read.
  let variables: [String: String]

  private static let names: Set<String> = [
    "DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY",
    "DOCKER_API_VERSION", "CONTAINER_HOST", "CONTAINER_CONNECTION", "XDG_RUNTIME_DIR",
  ]

  /// Keeps the relevant variables of an environment.
  init(_ environment: [String: String] = ProcessInfo.processInfo.environment) {
    variables = environment.filter { Self.names.contains($0.key) }
  }

  /// Returns the installed command lines, docker first, or else the sockets.
  ///
  /// `PATH` is not used, because certctl runs as root and must not depend on the user's shell.
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
      // The file name is the engine's name in hints.
      .filter { $0.hasSuffix(SocketEngine.suffix) && FileFacts(path: $0) != nil }
      .map { SocketEngine(path: $0, environment: self) }
  }

  // MARK: - Trust

  /// Refuses an engine on another machine, because mounts are paths of the machine that it runs on.
  ///
  /// - Throws: `CertctlError` with code `configuration`.
  func requireThisMachine() throws(CertctlError) {
    for name in ["DOCKER_HOST", "CONTAINER_HOST"] {
      guard let host = variables[name], !host.isEmpty, !host.hasPrefix("unix:") else { continue }
      throw CertctlError(
        .configuration, "cannot use the engine in \(name): it is not a socket of this machine",
        hint: "run certctl on the machine that runs the container")
    }
  }

  /// Refuses, as root, an engine that another user runs or selected.
  ///
  /// The mounts that an engine reports decide where root writes.
  ///
  /// - Parameter socket: The path of the engine's socket; nil for a command line.
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
        "cannot use the container engine at \(place) as root: "
          + (error.detail ?? error.description),
        hint: TrustedPath.foreignOwner(of: path).flatMap(SystemAccount.userName)
          .map {
            "run: sudo -u \($0) certctl …"
          })
    }
  }
}
