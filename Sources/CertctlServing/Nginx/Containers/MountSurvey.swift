import CertctlSystem
import FoundationEssentials

/// Checks that a container sees the files that certctl writes, now and after a renewal; blocks.
struct MountSurvey {
  let container: NginxContainer
  /// The main file of nginx, as the container sees it.
  let configuration: String
  /// certctl's state directory.
  let stateDirectory: String
  /// The directory of copies that nginx uses instead of `live`; nil if it uses none.
  let copy: String?
  /// The lineages to serve, if known.
  var lineages: [String] = []
  /// The attributes of the keys of future lineages.
  var keys: FileAttributes?
  /// The user that reads nginx's configuration and keys; nil if unknown.
  var reader: ProcessIdentity?
  /// The user of nginx's workers; nil if unknown.
  var server: ProcessIdentity?

  /// The directory of the main file, as the container sees it.
  var folder: String { configuration.parentFolder }

  /// All faults that keep the setup from working.
  var faults: [MountFault] {
    let places = nginxFolderFaults + (copy.map(copyFaults) ?? certificateFaults)
    // Permissions can be checked only for files that are mounted.
    return places.isEmpty ? linkFaults + readingFaults : places
  }

  /// Warnings about a setup that works but is unwise.
  var warnings: [String] {
    var found: [String] = []
    if container.serverPath("\(stateDirectory)/accounts") != nil {
      found.append(
        "container \(container.name) mounts all of \(stateDirectory), including account keys and "
          + "orders; mount only live and archive: "
          + certificateVolumes.map { "- \($0)" }.joined(separator: " and "))
    }
    if faults.isEmpty, let file = mountedFiles.first {
      found.append(
        "container \(container.name) mounts the single file \(file.destination): "
          + "it will not see renewals until it is restarted")
    }
    return found
  }

  // MARK: - The nginx directory

  private var nginxFolderFaults: [MountFault] {
    guard let mount = container.mount(at: configuration), mount.kind != .other else {
      return [unmountedFolder]
    }
    if mount.destination == configuration {
      return [
        MountFault(
          "\(configuration) is mounted as a single file: the container keeps the old file when "
            + "it is replaced",
          volumes: ["\(mount.source.parentFolder):\(folder):ro"])
      ]
    }
    let here = configuration.moved(from: mount.destination, to: mount.source).parentFolder
    guard FileFacts(path: here)?.kind == .folder else {
      return [
        MountFault(
          "\(folder) is mounted from \(here), which does not exist",
          advice: "restore it, then run: \(container.engine.name) restart \(container.name)")
      ]
    }
    if let empty = emptyFolder(here) { return [empty] }
    if container.isStale(folder, here) { return [staleFolder(folder, here)] }
    var faults = namesOfOurs.compactMap { fault(ofOurs: $0, in: here) }
    if !FileFacts.mayWrite(here) {
      faults.append(
        MountFault(
          "certctl cannot write to \(here), which is mounted as \(folder)",
          advice: "run certctl as root (the mount itself can be read-only)"))
    }
    return faults
  }

  /// The names of the directories that certctl creates in the nginx directory.
  private var namesOfOurs: [String] { ["sites-available", "sites-enabled", "certctl"] }

  private var unmountedFolder: MountFault {
    let parts = container.mounts.map(\.destination).filter { $0.isInside(folder) }
    let what =
      parts.isEmpty
      ? "\(folder) is not mounted from this host"
      : "only \(parts.joined(separator: ", ")) of \(folder) is mounted from this host"
    let project = container.inspection.labels["com.docker.compose.project.working_dir"]
    return MountFault(
      "\(what), so certctl cannot write sites there",
      volumes: ["./nginx:\(folder):ro"],
      // With "/.", the result is the same whether the target exists or not.
      advice: "copy the current files first: \(container.engine.name) cp "
        + "\(container.name):\(folder)/. \(project ?? ".")/nginx")
  }

  /// Returns the fault of a host directory without the main file, which hides that of the image.
  func emptyFolder(_ here: String) -> MountFault? {
    let name = configuration.components.last ?? "nginx.conf"
    // Check the link itself: its target is resolved later, as the container sees it.
    guard FileFacts(path: "\(here)/\(name)", followsLinks: false) == nil else { return nil }
    let image = container.inspection.image
    return MountFault(
      "\(folder) is mounted from \(here), which has no \(name): the mount hides the files of "
        + "the image",
      advice: "fill it: \(container.engine.name) run --rm --entrypoint tar "
        + "\(image.isEmpty ? "nginx" : image) -C \(folder) -c . | tar -C \(here) -x; then run: "
        + "\(container.engine.name) restart \(container.name)")
  }

  private func staleFolder(_ place: String, _ here: String) -> MountFault {
    MountFault(
      "\(here) was replaced after the container started; the container still sees the old "
        + "directory as \(place)",
      advice: "run: \(container.engine.name) restart \(container.name)")
  }

  private func fault(ofOurs name: String, in here: String) -> MountFault? {
    let place = "\(folder)/\(name)"
    if let nested = container.mounts.first(where: { $0.destination.isInside(place) }) {
      return MountFault(
        "\(nested.destination) is a separate mount: links between the directories of \(folder) "
          + "do not work there", advice: "remove the mount of \(nested.destination)")
    }
    let path = "\(here)/\(name)"
    guard let facts = FileFacts(path: path, followsLinks: false) else { return nil }
    let target = facts.kind == .link ? " (a link to \(FileFacts.target(ofLink: path) ?? "?"))" : ""
    guard case .found(let found) = container.resolve(place),
      FileFacts(path: found)?.identity == FileFacts(path: path)?.identity
    else {
      return MountFault(
        "\(path)\(target) is something else in the container: the link leads out of the mount",
        advice: "replace it with a directory or with a relative link inside \(here)")
    }
    return nil
  }

  // MARK: - Certificates

  /// The volumes that mount the parts of the state directory that nginx needs.
  var certificateVolumes: [String] {
    ["live", "archive"].map { "\(stateDirectory)/\($0):\(stateDirectory)/\($0):ro" }
  }

  /// The certificate files that are mounted one by one.
  var mountedFiles: [NginxContainer.Mount] {
    container.mounts.filter { mount in
      guard mount.kind == .bind, FileFacts(path: mount.source)?.kind == .file else { return false }
      let resolved = mount.source.resolvingLinks
      return [stateDirectory, copy].compactMap { $0 }
        .contains { mount.source.isInside($0) || resolved.isInside($0) }
    }
  }

  private var certificateFaults: [MountFault] {
    let (live, archive) = ("\(stateDirectory)/live", "\(stateDirectory)/archive")
    guard let seenLive = container.serverPath(live) else {
      return [MountFault(unmountedCertificates, volumes: certificateVolumes)]
    }
    guard let seenArchive = container.serverPath(archive) else {
      return [
        MountFault(
          "\(live) is mounted without \(archive), to which its links lead",
          volumes: certificateVolumes)
      ]
    }
    guard "\(seenLive.parentFolder == "/" ? "" : seenLive.parentFolder)/archive" == seenArchive
    else {
      return [
        MountFault(
          "live is mounted at \(seenLive) and archive at \(seenArchive): the links in live lead "
            + "to ../archive, so mount both in the same directory", volumes: certificateVolumes)
      ]
    }
    for (seen, here) in [(seenLive, live), (seenArchive, archive)]
    where container.isStale(seen, here) { return [staleFolder(seen, here)] }
    return []
  }

  /// The reason why the container does not see the certificates.
  private var unmountedCertificates: String {
    if let file = mountedFiles.first {
      return "\(file.destination) is mounted as a single file: the container will not see "
        + "renewals until it is restarted"
    }
    let parts = container.mounts.filter { $0.source.isInside("\(stateDirectory)/live") }
    if let part = parts.first {
      return "only \(part.source) is mounted: its links lead to ../../archive, which is not "
        + "mounted"
    }
    return "the certificates in \(stateDirectory)/live are not mounted"
  }

  private func copyFaults(_ copy: String) -> [MountFault] {
    let lines = ["\(copy):\(copy):ro"]
    guard let seen = container.serverPath(copy) else {
      let message =
        mountedFiles.first.map {
          "\($0.destination) is mounted as a single file: the container will not see renewals "
            + "until it is restarted"
        } ?? "the directory of copies \(copy) is not mounted"
      return [MountFault(message, volumes: lines)]
    }
    return container.isStale(seen, copy) ? [staleFolder(seen, copy)] : []
  }
}

extension NginxContainer {
  /// Returns whether a host directory was replaced by another one after the container started.
  ///
  /// Returns false if that is unknown: only root may look into the container.
  fileprivate func isStale(_ serverPath: String, _ hostPath: String) -> Bool {
    guard inspection.state.pid > 0,
      let inside = FileFacts(path: "/proc/\(inspection.state.pid)/root\(serverPath)"),
      let outside = FileFacts(path: hostPath)
    else { return false }
    return inside.identity != outside.identity
  }
}
