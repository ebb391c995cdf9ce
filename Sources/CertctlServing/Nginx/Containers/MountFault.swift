import CertctlCore

/// Why a container cannot serve what certctl writes, and what its compose file needs instead.
struct MountFault: Sendable, Equatable {
  /// What is wrong, in words that follow the container's name and a colon.
  let message: String
  /// The lines for `volumes:` in the compose file, such as "/srv/nginx:/etc/nginx:ro".
  var volumes: [String] = []
  /// What to do before, or instead.
  var advice: String?

  /// A fault that is mended by mounts.
  init(_ message: String, volumes: [String] = [], advice: String? = nil) {
    self.message = message
    self.volumes = volumes
    self.advice = advice
  }

  /// One error that tells all the faults, and all the lines, of a container.
  static func error(_ faults: [MountFault], in container: NginxContainer) -> CertctlError {
    var volumes: [String] = []
    for line in faults.flatMap(\.volumes) where !volumes.contains(line) { volumes.append(line) }
    var hints = faults.compactMap(\.advice)
    var details: [String] = []
    if !volumes.isEmpty {
      details.append(
        "under \"volumes:\" of \(container.placeInComposeFile), "
          + "instead of what mounts the same now:")
      details += volumes.map { "    - \($0)" }
      hints.append(
        "add these volumes, then make the container anew: \(container.commandToRecreate)")
    }
    return CertctlError(
      .configuration,
      "container \(container.name): " + faults.map(\.message).joined(separator: "; "),
      hint: hints.isEmpty ? nil : hints.joined(separator: "; "), details: details)
  }
}

extension NginxContainer {
  /// "service nginx in /srv/docker-compose.yml", as far as the engine knows.
  fileprivate var placeInComposeFile: String {
    let labels = inspection.labels
    guard let service = labels["com.docker.compose.service"] else {
      return "the service in the compose file (or --volume of \(engine.name) run)"
    }
    let file = labels["com.docker.compose.project.config_files"] ?? "the compose file"
    let folder = labels["com.docker.compose.project.working_dir"]
    let isRelative = !file.hasPrefix("/") && folder != nil
    return "service \(service) in " + (isRelative ? "\(folder ?? "")/\(file)" : file)
  }

  fileprivate var commandToRecreate: String {
    inspection.labels["com.docker.compose.service"].map { "docker compose up -d \($0)" }
      ?? "docker compose up -d"
  }
}
