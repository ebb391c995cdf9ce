import CertctlBase
package import CertctlSystem
import FoundationEssentials

extension MountSurvey {
  // MARK: - Links

  /// Reports links in the nginx directory to certctl's files that do not work in the container.
  ///
  /// Users create them to have the certificates next to the configuration. nginx's message names
  /// the link but not the cause. Links to other files are not checked.
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
        "the link \(link) leads to \(target), which the container cannot reach",
        volumes: certificateVolumes,
        advice: "use \(copy ?? "\(stateDirectory)/live")/… in the configuration instead of the "
          + "link, and mount that directory")
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

  /// Reports files that nginx sees in the container but cannot read.
  var readingFaults: [MountFault] {
    if let server, let here = container.hostPath(folder),
      let shut = closed(to: server, from: folder, to: here)
    {
      return [
        MountFault(
          "the nginx workers run as user \(server.user), who cannot enter \(shut.path) "
            + "(\(shut.text))", advice: "run: chmod a+rx \(shut.path)")
      ]
    }
    guard let reader else { return [] }
    let reason = keyFault(for: reader)
    return reason.map { [MountFault($0, advice: readingAdvice(reader))] } ?? []
  }

  /// Returns why a key cannot be read; nil if all can be read.
  private func keyFault(for reader: ProcessIdentity) -> String? {
    let who = "nginx runs as user \(reader.user) of this host"
    let root = copy ?? "\(stateDirectory)/live"
    let folders = copy.map { [$0] } ?? [root, "\(stateDirectory)/archive"]
    for place in folders {
      guard let seen = container.serverPath(place) else { continue }
      if let shut = closed(to: reader, from: seen, to: place) {
        return "\(who), who cannot enter \(shut.path) (\(shut.text))"
      }
    }
    for lineage in lineages {
      guard let seen = container.serverPath("\(root)/\(lineage)") else { continue }
      let names = copy == nil ? ["privkey.pem", "rsa/privkey.pem"] : ["combined.pem"]
      for name in names {
        guard case .found(let key) = container.resolve("\(seen)/\(name)") else { continue }
        if let shut = closed(to: reader, from: container.serverPath(key) ?? seen, to: key) {
          return "\(who), who cannot read \(shut.path) (\(shut.text))"
        }
      }
    }
    guard let keys else { return nil }
    let ours = ProcessTable.identity(of: ProcessInfo.processInfo.processIdentifier)
    let owner = keys.owner ?? ours?.user ?? 0
    let group = keys.group ?? 0
    guard !reader.may(4, owner: owner, group: group, mode: keys.mode) else { return nil }
    return "\(who), who cannot read the keys that certctl writes "
      + "(\(Self.text(owner: owner, group: group, mode: keys.mode)))"
  }

  /// Returns the first directory on the path that cannot be entered, or the file that cannot be
  /// read.
  ///
  /// Directories above the mount do not count, because the container has its own.
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
    "owner \(owner), group \(group), mode \(String(mode, radix: 8))"
  }

  /// Returns how to let nginx read the keys.
  private func readingAdvice(_ reader: ProcessIdentity) -> String {
    let copies =
      "use --deploy-copy DIR --owner \(reader.user), and mount DIR in the compose file"
    if reader.knownUsers != nil {
      return "the container has its own user IDs (userns): "
        + copies
    }
    let user = container.inspection.user
    if reader.user != 0 {
      return "remove \"user: \(user.isEmpty ? "\(reader.user)" : user)\" from the compose file, so "
        + "that nginx reads keys as root and its workers run as another user; or " + copies
    }
    return "keep the capability DAC_OVERRIDE (see cap_drop in the compose file); or " + copies
  }
}

extension RunningNginx {
  /// Checks that the container sees the files that certctl writes, before it writes them.
  ///
  /// For an nginx on the host, there is nothing to check.
  ///
  /// - Parameters:
  ///   - stateDirectory: certctl's state directory, of which nginx needs `live` and `archive`.
  ///   - copy: The directory of copies that nginx uses instead; nil if it uses none.
  ///   - lineages: The lineages to serve that already exist.
  ///   - keys: The attributes of the keys of future lineages.
  ///   - configuration: The main file, as nginx sees it; nil for the one of its command line.
  /// - Returns: Warnings about a setup that works but is unwise.
  /// - Throws: `CertctlError` with code `configuration`, which lists all faults and the lines for
  ///   the compose file.
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
