import CertctlCore

/// A reason why a container cannot use certctl's files, with the mounts that its compose file
/// needs.
struct MountFault: Sendable, Equatable {
  /// The problem, as a clause that follows "cannot use container NAME:".
  let message: String
  /// The lines to add under `volumes:` in the compose file, such as "/srv/nginx:/etc/nginx:ro".
  var volumes: [String] = []
  /// What to do first or instead.
  var advice: String?

  /// Creates a fault.
  init(_ message: String, volumes: [String] = [], advice: String? = nil) {
    self.message = message
    self.volumes = volumes
    self.advice = advice
  }

  /// Returns one error with all faults and all lines for the compose file.
  static func error(_ faults: [MountFault], in container: NginxContainer) -> CertctlError {
    var volumes: [String] = []
    for line in faults.flatMap(\.volumes) where !volumes.contains(line) { volumes.append(line) }
    var hints = faults.compactMap(\.advice)
    var details: [String] = []
    if !volumes.isEmpty {
      details.append(
        "under \"volumes:\" of \(container.placeInComposeFile), "
          + "replacing the current mounts of the same paths:")
      details += volumes.map { "    - \($0)" }
      hints.append(
        "add these volumes, then run: \(container.commandToRecreate)")
    }
    return CertctlError(
      .configuration,
      "cannot use container \(container.name): "
        + faults.map(\.message).joined(separator: "; "),
      hint: hints.isEmpty ? nil : hints.joined(separator: "; "), details: details)
  }
}

extension NginxContainer {
  /// The place of the service, such as "service nginx in /srv/docker-compose.yml".
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
