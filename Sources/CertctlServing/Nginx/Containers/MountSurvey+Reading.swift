import CertctlBase
package import CertctlSystem
import FoundationEssentials

extension MountSurvey {
  // MARK: - Links

  /// Links in the nginx folder that lead to certctl's files here, and nowhere in the container.
  ///
  /// People make them to have the certificates beside the configuration; what nginx says of them
  /// names the link and not its cause. Other people's links are nginx's business.
  var linkFaults: [MountFault] {
    guard let here = container.hostPath(folder) else { return [] }
    return links(in: here, depth: 0).compactMap { link in
      let target = link.resolvingLinks
      let ours = [stateDirectory, copy].compactMap { $0 }
        .contains { target.isInside($0) || target.isInside($0.resolvingLinks) }
      guard ours, FileFacts(path: link) != nil, let seen = container.serverPath(link) else {
        return nil
      }
      if case .found = container.resolve(seen) { return nil }
      return MountFault(
        "the link \(link) leads to \(target) on this host, but nowhere in the container",
        volumes: certificateVolumes,
        advice: "name \(copy ?? "\(stateDirectory)/live")/… in the configuration instead of the "
          + "link, and have it mounted")
    }
  }

  private func links(in folder: String, depth: Int) -> [String] {
    guard depth < 4 else { return [] }
    return (FileFacts.names(inFolder: folder) ?? []).flatMap { name -> [String] in
      let path = "\(folder)/\(name)"
      switch FileFacts(path: path, followsLinks: false)?.kind {
      case .link: return [path]
      case .folder: return links(in: path, depth: depth + 1)
      default: return []
      }
    }
  }

  // MARK: - Reading

  /// What nginx may not read in the container, although it sees it.
  var readingFaults: [MountFault] {
    if let server, let here = container.hostPath(folder),
      let shut = closed(to: server, from: folder, to: here)
    {
      return [
        MountFault(
          "the workers of nginx run as user \(server.user), who may not enter \(shut.path) "
            + "(\(shut.text))", advice: "chmod a+rx \(shut.path)")
      ]
    }
    guard let reader else { return [] }
    let reason = keyFault(for: reader)
    return reason.map { [MountFault($0, advice: readingAdvice(reader))] } ?? []
  }

  /// Why a key cannot be read; nil when all can.
  private func keyFault(for reader: ProcessIdentity) -> String? {
    let who = "nginx runs there as user \(reader.user) of this host"
    let root = copy ?? "\(stateDirectory)/live"
    let folders = copy.map { [$0] } ?? [root, "\(stateDirectory)/archive"]
    for place in folders {
      guard let seen = container.serverPath(place) else { continue }
      if let shut = closed(to: reader, from: seen, to: place) {
        return "\(who), who may not enter \(shut.path) (\(shut.text))"
      }
    }
    for lineage in lineages {
      guard let seen = container.serverPath("\(root)/\(lineage)") else { continue }
      let names = copy == nil ? ["privkey.pem", "rsa/privkey.pem"] : ["combined.pem"]
      for name in names {
        guard case .found(let key) = container.resolve("\(seen)/\(name)") else { continue }
        if let shut = closed(to: reader, from: container.serverPath(key) ?? seen, to: key) {
          return "\(who), who may not read \(shut.path) (\(shut.text))"
        }
      }
    }
    guard let keys else { return nil }
    let ours = ProcessTable.identity(of: ProcessInfo.processInfo.processIdentifier)
    let owner = keys.owner ?? ours?.user ?? 0
    let group = keys.group ?? 0
    guard !reader.may(4, owner: owner, group: group, mode: keys.mode) else { return nil }
    return "\(who), who may not read the keys that certctl writes "
      + "(\(Self.text(owner: owner, group: group, mode: keys.mode)))"
  }

  /// The first folder on the way that may not be entered, or the file that may not be read.
  ///
  /// Folders above the mount do not count: the container goes through its own.
  private func closed(
    to identity: ProcessIdentity, from seen: String, to path: String
  ) -> (path: String, text: String)? {
    guard let mount = container.mount(at: seen) else { return nil }
    let rest = seen.moved(from: mount.destination, to: "/").components
    var place = mount.source
    for name in [""] + rest {
      if !name.isEmpty { place += "/\(name)" }
      guard let facts = FileFacts(path: place) else { return nil }
      let needed: UInt32 = facts.kind == .folder ? 1 : 4
      if !identity.may(needed, owner: facts.owner, group: facts.group, mode: facts.mode) {
        let text = Self.text(owner: facts.owner, group: facts.group, mode: facts.mode)
        return (place, text)
      }
    }
    return nil
  }

  private static func text(owner: UInt32, group: UInt32, mode: UInt32) -> String {
    "of user \(owner), group \(group), mode \(String(mode, radix: 8))"
  }

  /// What to do so that nginx may read the keys.
  private func readingAdvice(_ reader: ProcessIdentity) -> String {
    let copies =
      "give it copies of its own: --deploy-copy DIR --owner \(reader.user), with DIR among the "
      + "volumes of the compose file"
    if reader.knownUsers != nil {
      return "the engine gives the container other user numbers than this host's (userns); "
        + copies
    }
    let user = container.inspection.user
    if reader.user != 0 {
      return "take \"user: \(user.isEmpty ? "\(reader.user)" : user)\" out of the compose file: "
        + "nginx then reads keys as root and works as another user by itself; or " + copies
    }
    return "let the container keep the right DAC_OVERRIDE (cap_drop takes it away in the compose "
      + "file); or " + copies
  }
}

extension RunningNginx {
  /// Looks whether the container sees what certctl writes, before anything is written.
  ///
  /// An nginx on the host has nothing to check.
  ///
  /// - Parameters:
  ///   - stateDirectory: certctl's state directory, of which nginx needs `live` and `archive`.
  ///   - copy: The folder of copies that nginx uses instead of them, if there is one.
  ///   - lineages: Those that are to be served and are there already.
  ///   - keys: What the keys of lineages that are not there yet will look like.
  ///   - configuration: The main file as nginx sees it, if it is not the one of its command line.
  /// - Returns: What is unwise although it works, a sentence each.
  /// - Throws: `CertctlError` with code `configuration` that names all faults, with the lines for
  ///   the compose file as its hint.
  @discardableResult
  package func checkMounts(
    stateDirectory: String, copy: String?, lineages: [String] = [], keys: FileAttributes? = nil,
    configuration: String? = nil
  ) async throws -> [String] {
    guard let container else { return [] }
    let main = configuration ?? configurationFile ?? "/etc/nginx/nginx.conf"
    return try await check(
      MountSurvey(
        container: container, configuration: main,
        stateDirectory: stateDirectory.withoutTrailingSlashes,
        copy: copy?.withoutTrailingSlashes, lineages: lineages, keys: keys))
  }

  @Disk private func check(_ given: MountSurvey) throws -> [String] {
    var survey = given
    survey.reader = ProcessTable.identity(of: pid)
    survey.server =
      ProcessTable.processes(titled: "nginx: worker process", startedBy: pid)
      .lazy.compactMap { ProcessTable.identity(of: $0.pid) }.first
    let faults = survey.faults
    guard faults.isEmpty else { throw MountFault.error(faults, in: survey.container) }
    return survey.warnings
  }
}
