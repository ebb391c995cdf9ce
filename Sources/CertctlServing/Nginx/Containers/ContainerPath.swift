import CertctlSystem

/// The destination of an absolute path in a container, with symbolic links resolved as there.
enum ContainerPath: Equatable {
  /// A file or directory of this host, by its path without links.
  case found(hostPath: String)
  /// A link that leads outside the container's mounts.
  case outside(link: String, target: String)
  /// Nothing exists at this path of the host.
  case missing(hostPath: String)
}

extension NginxContainer {
  /// Resolves a path as the container does; blocks.
  ///
  /// Files of the container's image are not visible from this host: `outside` means that a link
  /// leads to one of them.
  func resolve(_ serverPath: String) -> ContainerPath {
    var waiting = serverPath.components
    var walked: [String] = []
    var lastLink: (link: String, target: String)?
    var links = 0
    while let name = waiting.first {
      waiting.removeFirst()
      if name == ".." {
        _ = walked.popLast()
        continue
      }
      walked.append(name)
      let path = "/" + walked.joined(separator: "/")
      guard let here = hostPath(path) else {
        // The directories above a mount belong to the container.
        let whole = "/" + (walked + waiting).joined(separator: "/")
        if mounts.contains(where: { $0.destination.isInside(path) }), whole != path { continue }
        return .outside(link: lastLink?.link ?? path, target: lastLink?.target ?? whole)
      }
      guard let facts = FileFacts(path: here, followsLinks: false) else {
        return .missing(hostPath: here)
      }
      guard facts.kind == .link, let target = FileFacts.target(ofLink: here) else { continue }
      links += 1
      guard links < 40 else { return .missing(hostPath: here) }
      lastLink = (here, target)
      walked = target.hasPrefix("/") ? [] : Array(walked.dropLast())
      waiting = target.components + waiting
    }
    let path = "/" + walked.joined(separator: "/")
    guard let here = hostPath(path) else {
      return .outside(link: lastLink?.link ?? path, target: lastLink?.target ?? path)
    }
    return .found(hostPath: here)
  }
}
