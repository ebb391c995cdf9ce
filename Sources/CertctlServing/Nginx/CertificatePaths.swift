import CertctlBase
import CertctlStore
import CertctlSystem
import FoundationEssentials

/// Maps the certificate paths in an nginx configuration to certctl's certificates.
struct CertificatePaths: Sendable {
  let state: StateDirectory
  /// The directories of certificate copies.
  var copies: [CertificateCopy] = []

  /// Returns the lineage of a certificate path, given as nginx sees it; blocks.
  ///
  /// Links that the user created are followed.
  func lineage(of path: String, for nginx: RunningNginx) -> String? {
    guard let path = nginx.hostPath(path) else { return nil }
    let live = "\(state.live.path)/"
    if path.hasPrefix(live) {
      return path.dropFirst(live.count).split(separator: "/").first.map(String.init)
    }
    if let name = copies.lazy.compactMap({ $0.lineage(of: path) }).first { return name }
    let archive = "\(state.folder("archive").path.resolvingLinks)/"
    let resolved = path.resolvingLinks
    guard resolved.hasPrefix(archive) else { return nil }
    return resolved.dropFirst(archive.count).split(separator: "/").first.map(String.init)
  }

  /// Returns the first target whose certificate a server uses; blocks.
  @Disk func target(
    of server: NginxServer, among targets: [NginxDeployment.Target], at nginx: RunningNginx
  ) -> NginxDeployment.Target? {
    let names = Set(server.certificates.compactMap { lineage(of: $0, for: nginx) })
    return targets.first { names.contains($0.name.value) }
  }

  /// Returns the candidate's path, as nginx sees it, for a certificate path; blocks.
  func candidate(
    for path: String, among targets: [NginxDeployment.Target], of nginx: RunningNginx
  ) -> String? {
    guard let name = lineage(of: path, for: nginx),
      let target = targets.first(where: { $0.name.value == name }),
      let generation = target.candidate, let hostPath = nginx.hostPath(path)
    else { return nil }
    // Keep the path of a copy: the candidate has no copy yet.
    if copies.contains(where: { $0.lineage(of: hostPath) != nil }) { return nil }
    let live = "\(state.live.path)/\(name)/"
    let file: Substring
    if hostPath.hasPrefix(live) {
      file = hostPath.dropFirst(live.count)
    } else {
      // archive/<name>/0007/rsa/privkey.pem
      let resolved = hostPath.resolvingLinks
      let archive = state.archive(target.name).path.resolvingLinks
      let rest = resolved.dropFirst(archive.count + 1)
      file = rest.drop { $0 != "/" }.dropFirst()
    }
    let folder = "\(state.archive(target.name).path)/\(generation.folderName)"
    return nginx.serverPath("\(folder)/\(file)")
  }
}
