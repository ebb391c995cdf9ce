import CertctlSystem

/// What an absolute path of a container leads to when its symbolic links are followed there.
enum ContainerPath: Equatable {
  /// Something of this host, by its path here without links.
  case found(hostPath: String)
  /// A link leads to where the container has nothing of this host.
  case outside(link: String, target: String)
  /// There is nothing; the place, as this host sees it.
  case missing(hostPath: String)
}

extension NginxContainer {
  /// Follows a path as the container does; blocks.
  ///
  /// Files that the container has by itself, such as those of its image, cannot be seen from here:
  /// `outside` means that a link leads among them.
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
        // On the way to a mount there are folders of the container's own.
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
