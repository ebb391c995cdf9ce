import CertctlSystem
import FoundationEssentials

/// Looks whether a container sees what certctl writes, now and after the next renewal; blocks.
struct MountSurvey {
  let container: NginxContainer
  /// The main file of nginx, as the container sees it.
  let configuration: String
  /// certctl's state directory.
  let stateDirectory: String
  /// The folder of copies that are served instead of `live`, if there is one.
  let copy: String?
  /// The lineages that are to be served, if they are known.
  var lineages: [String] = []
  /// What the keys of lineages that are not there yet will look like.
  var keys: FileAttributes?
  /// As whom nginx reads its configuration and keys; nil when that cannot be found out.
  var reader: ProcessIdentity?
  /// As whom its workers read what it serves; nil when that cannot be found out.
  var server: ProcessIdentity?

  /// The folder of the main file, as the container sees it.
  var folder: String { configuration.parentFolder }

  /// All that is wrong.
  var faults: [MountFault] {
    let places = nginxFolderFaults + (copy.map(copyFaults) ?? certificateFaults)
    // Nobody can say who may read what is not there.
    return places.isEmpty ? linkFaults + readingFaults : places
  }

  /// What is unwise, although it works.
  var warnings: [String] {
    var found: [String] = []
    if container.serverPath("\(stateDirectory)/accounts") != nil {
      found.append(
        "container \(container.name) has all of \(stateDirectory), with account keys and orders: "
          + "only live and archive belong there, as "
          + certificateVolumes.map { "- \($0)" }.joined(separator: " and "))
    }
    if faults.isEmpty, let file = mountedFiles.first {
      found.append(
        "container \(container.name) has the file \(file.destination) as a mount of its own: "
          + "it does not see a renewal before it is restarted")
    }
    return found
  }

  // MARK: - The nginx folder

  private var nginxFolderFaults: [MountFault] {
    guard let mount = container.mount(at: configuration), mount.kind != .other else {
      return [unmountedFolder]
    }
    if mount.destination == configuration {
      return [
        MountFault(
          "\(configuration) is mounted as a single file, which stays the old one in the "
            + "container when the file is replaced",
          volumes: ["\(mount.source.parentFolder):\(folder):ro"])
      ]
    }
    let here = configuration.moved(from: mount.destination, to: mount.source).parentFolder
    guard FileFacts(path: here)?.kind == .folder else {
      return [
        MountFault(
          "\(folder) is mounted from \(here), which is not there",
          advice: "put it back, then: \(container.engine.name) restart \(container.name)")
      ]
    }
    if let empty = emptyFolder(here) { return [empty] }
    if container.isStale(folder, here) { return [staleFolder(folder, here)] }
    var faults = namesOfOurs.compactMap { fault(ofOurs: $0, in: here) }
    if !FileFacts.mayWrite(here) {
      faults.append(
        MountFault(
          "certctl may not write to \(here), which is its \(folder)",
          advice: "run certctl as root; that the container may not write there is fine"))
    }
    return faults
  }

  /// What certctl keeps in the nginx folder.
  private var namesOfOurs: [String] { ["sites-available", "sites-enabled", "certctl"] }

  private var unmountedFolder: MountFault {
    let parts = container.mounts.map(\.destination).filter { $0.isInside(folder) }
    let what =
      parts.isEmpty
      ? "its \(folder) is not a folder of this host"
      : "of \(folder) only \(parts.joined(separator: ", ")) comes from this host"
    let project = container.inspection.labels["com.docker.compose.project.working_dir"]
    return MountFault(
      "\(what), so that certctl cannot write sites there",
      volumes: ["./nginx:\(folder):ro"],
      // With "/." it is the same whether the folder is there already or not.
      advice: "copy what is there now: \(container.engine.name) cp "
        + "\(container.name):\(folder)/. \(project ?? ".")/nginx")
  }

  /// The recipe's first trap: a folder of the host hides what the image has, and is not filled.
  func emptyFolder(_ here: String) -> MountFault? {
    let name = configuration.components.last ?? "nginx.conf"
    // The link itself counts: where it leads is looked at later, as the container sees it.
    guard FileFacts(path: "\(here)/\(name)", followsLinks: false) == nil else { return nil }
    let image = container.inspection.image
    return MountFault(
      "\(folder) is mounted from \(here), which has no \(name): a folder of the host hides what "
        + "the image has there and is not filled from it",
      advice: "fill it: \(container.engine.name) run --rm --entrypoint tar "
        + "\(image.isEmpty ? "nginx" : image) -C \(folder) -c . | tar -C \(here) -x; then: "
        + "\(container.engine.name) restart \(container.name)")
  }

  private func staleFolder(_ place: String, _ here: String) -> MountFault {
    MountFault(
      "\(here) was replaced by another folder after the start of the container, which still sees "
        + "the old one as \(place)",
      advice: "\(container.engine.name) restart \(container.name)")
  }

  private func fault(ofOurs name: String, in here: String) -> MountFault? {
    let place = "\(folder)/\(name)"
    if let nested = container.mounts.first(where: { $0.destination.isInside(place) }) {
      return MountFault(
        "\(nested.destination) is a mount of its own, so that links between the folders of "
          + "\(folder) lead nowhere", advice: "take the mount of \(nested.destination) away")
    }
    let path = "\(here)/\(name)"
    guard let facts = FileFacts(path: path, followsLinks: false) else { return nil }
    let target = facts.kind == .link ? " (a link to \(FileFacts.target(ofLink: path) ?? "?"))" : ""
    guard case .found(let found) = container.resolve(place),
      FileFacts(path: found)?.identity == FileFacts(path: path)?.identity
    else {
      return MountFault(
        "\(path)\(target) is something else in the container: the link leads out of the mount",
        advice: "make it a folder, or a relative link that stays in \(here)")
    }
    return nil
  }

  // MARK: - Certificates

  /// The lines that mount what nginx needs of the state directory, and nothing else.
  var certificateVolumes: [String] {
    ["live", "archive"].map { "\(stateDirectory)/\($0):\(stateDirectory)/\($0):ro" }
  }

  /// The files of certctl's that are mounted one by one.
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
          "\(live) is mounted without \(archive), which its links lead to",
          volumes: certificateVolumes)
      ]
    }
    guard "\(seenLive.parentFolder == "/" ? "" : seenLive.parentFolder)/archive" == seenArchive
    else {
      return [
        MountFault(
          "live is mounted at \(seenLive) and archive at \(seenArchive): the links of the one lead "
            + "to \"../archive\", where the other one is not", volumes: certificateVolumes)
      ]
    }
    for (seen, here) in [(seenLive, live), (seenArchive, archive)]
    where container.isStale(seen, here) { return [staleFolder(seen, here)] }
    return []
  }

  /// Why the certificates are not seen, by what is mounted instead.
  private var unmountedCertificates: String {
    if let file = mountedFiles.first {
      return "\(file.destination) is mounted as a single file: the container does not see a "
        + "renewal before it is restarted"
    }
    let parts = container.mounts.filter { $0.source.isInside("\(stateDirectory)/live") }
    if let part = parts.first {
      return "only \(part.source) is mounted: its links lead to ../../archive, which the container "
        + "does not have"
    }
    return "it sees none of the certificates in \(stateDirectory)/live"
  }

  private func copyFaults(_ copy: String) -> [MountFault] {
    let lines = ["\(copy):\(copy):ro"]
    guard let seen = container.serverPath(copy) else {
      let message =
        mountedFiles.first.map {
          "\($0.destination) is mounted as a single file: the container does not see a renewal "
            + "before it is restarted"
        } ?? "it does not see the folder of copies, \(copy)"
      return [MountFault(message, volumes: lines)]
    }
    return container.isStale(seen, copy) ? [staleFolder(seen, copy)] : []
  }
}

extension NginxContainer {
  /// Whether a folder of the host has been replaced by another one of that name since the start.
  ///
  /// False where that cannot be seen: only root may look into the container.
  fileprivate func isStale(_ serverPath: String, _ hostPath: String) -> Bool {
    guard inspection.state.pid > 0,
      let inside = FileFacts(path: "/proc/\(inspection.state.pid)/root\(serverPath)"),
      let outside = FileFacts(path: hostPath)
    else { return false }
    return inside.identity != outside.identity
  }
}
