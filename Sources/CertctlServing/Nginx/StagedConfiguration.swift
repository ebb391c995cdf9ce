import CertctlBase
import CertctlCore
import CertctlStore
import CertctlSystem

/// A copy of the configuration directory in which nginx can test changes.
///
/// Directories and the files that nginx reads as configuration are copied; everything else is a
/// link to the original. In the copied files, absolute paths into the directory point to the copy,
/// and certificate paths to the candidates. Creating and removing the copy blocks.
struct StagedConfiguration: Sendable {
  let place: NginxInstallation
  /// The directory of the copy, as this host sees it.
  let hostRoot: String
  /// The directory of the copy, as nginx sees it.
  let root: String

  /// The name of the copy in the original directory, where it must be for a container.
  static let folderName = ".certctl-stage"
  private static let skipped: Set = [folderName, NginxInstallation.challenges]

  /// Chooses the location of the copy: a container only sees its mounts.
  init(_ place: NginxInstallation, state: StateDirectory) {
    self.place = place
    if place.nginx.container == nil {
      hostRoot = state.folder("cache/stage").path
      root = hostRoot
    } else {
      hostRoot = place.hostPath(Self.folderName)
      root = place.path(Self.folderName)
    }
  }

  /// The main file of the copy, as nginx sees it.
  var main: String { root + place.configuration.main.dropFirst(place.folder.count) }

  /// Creates the copy with these changes.
  ///
  /// - Parameters:
  ///   - changes: The changes. Those outside the original directory are ignored.
  ///   - certificate: Returns the candidate for the path of a certificate or key, as nginx sees it.
  /// - Throws: `CertctlError` or `HostError` if the copy cannot be created.
  @Disk func make(_ changes: [FileChange], certificate: (String) -> String?) throws {
    do {
      try remove()
      try makeFolder("", like: place.hostFolder)
      let changed = Set(changes.map(\.path))
      try copy("", changed, certificate)
      for change in changes {
        guard let relative = place.relative(change.path) else { continue }
        try overlay(change.content, at: relative, certificate)
      }
    } catch {
      // On a full disk, an incomplete copy would use up space.
      try? remove()
      if error is CertctlError || error is HostError { throw error }
      throw CertctlError(
        .state, "cannot copy \(place.hostFolder) to \(hostRoot) for a test: \(error)")
    }
  }

  /// Removes the copy.
  @Disk func remove() throws {
    let (folder, name) = DurableFolder.folderAndName(of: hostRoot)
    try folder.removeTree(name)
  }

  /// Returns a message of nginx with the paths of the copy replaced by the original ones.
  func original(_ text: String) -> String {
    text.split(separator: root, omittingEmptySubsequences: false).joined(separator: place.folder)
  }

  // MARK: - Creating

  private func copy(
    _ relative: String, _ changed: Set<String>, _ certificate: (String) -> String?
  ) throws {
    let path = relative.isEmpty ? place.hostFolder : place.hostPath(relative)
    for name in try DurableFolder(path: path, root: "/").entries() {
      let inner = relative.isEmpty ? name : "\(relative)/\(name)"
      guard !Self.skipped.contains(inner) else { continue }
      let source = place.hostPath(inner)
      switch try DurableFolder(path: path, root: "/").kind(of: name) {
      case .folder:
        try makeFolder(inner, like: source)
        try copy(inner, changed, certificate)
      case .link where changed.contains(source.resolvingLinks):
        let target = place.relative(source.resolvingLinks) ?? ""
        try link(inner, to: "\(root)/\(target)")
      default:
        if let text = place.configuration.texts[place.path(inner)],
          let new = rewritten(text, certificate)
        {
          try write(Array(new.utf8), at: inner, like: source)
        } else {
          try link(inner, to: place.path(inner))
        }
      }
    }
  }

  private func overlay(
    _ content: FileChange.Content, at relative: String, _ certificate: (String) -> String?
  ) throws {
    let (folder, name) = DurableFolder.folderAndName(of: "\(hostRoot)/\(relative)")
    if case .folder(let attributes) = content {
      return try folder.folder(name).create(attributes)
    }
    try folder.create(FileAttributes(mode: 0o755))
    try folder.remove(name)
    switch content {
    case .file(let bytes, let attributes):
      let text = String(decoding: bytes, as: UTF8.self)
      let new = rewritten(text, certificate).map { Array($0.utf8) } ?? bytes
      try folder.writeNew(name, new, attributes)
    case .link(let target):
      try link(relative, to: turned(target) ?? target)
    case .absent, .folder: break
    }
  }

  private func rewritten(_ text: String, _ certificate: (String) -> String?) -> String? {
    NginxRewriting.text(text) { directive, argument in
      if directive == "ssl_certificate" || directive == "ssl_certificate_key",
        let candidate = certificate(argument)
      {
        return candidate
      }
      return turned(argument)
    }
  }

  /// Returns the path in the copy for a path in the original directory; nil for other paths.
  private func turned(_ path: String) -> String? {
    path.hasPrefix("\(place.folder)/") ? root + path.dropFirst(place.folder.count) : nil
  }

  private func makeFolder(_ relative: String, like source: String) throws {
    let (parent, name) = DurableFolder.folderAndName(of: source)
    let attributes = try parent.attributes(of: name) ?? FileAttributes(mode: 0o755)
    let path = relative.isEmpty ? hostRoot : "\(hostRoot)/\(relative)"
    let (folder, inner) = DurableFolder.folderAndName(of: path)
    if relative.isEmpty {
      try folder.folder(inner).create(attributes)
    } else {
      try folder.makeScratchFolder(inner, attributes)
    }
  }

  private func write(_ bytes: [UInt8], at relative: String, like source: String) throws {
    let resolved = DurableFolder.folderAndName(of: source.resolvingLinks)
    let attributes =
      try resolved.folder.attributes(of: resolved.name) ?? FileAttributes(mode: 0o644)
    let (folder, name) = DurableFolder.folderAndName(of: "\(hostRoot)/\(relative)")
    try folder.writeNew(name, bytes, attributes)
  }

  private func link(_ relative: String, to target: String) throws {
    let (folder, name) = DurableFolder.folderAndName(of: "\(hostRoot)/\(relative)")
    try folder.makeScratchLink(name, to: target)
  }
}
