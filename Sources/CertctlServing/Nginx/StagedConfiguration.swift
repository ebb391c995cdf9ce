import CertctlBase
import CertctlCore
import CertctlStore
import CertctlSystem

/// A second configuration tree, in which nginx can test what it would get, while the files that it
/// uses stay untouched.
///
/// Folders are made anew and all else is a link to the original, but for the files that nginx reads
/// as configuration: in these, absolute paths into the tree are turned to the second one, and the
/// paths of certificates to those that are to be tried. Making and removing it blocks.
struct StagedConfiguration: Sendable {
  let place: NginxInstallation
  /// The tree's folder, as this host sees it.
  let hostRoot: String
  /// The tree's folder, as nginx sees it.
  let root: String

  /// The folder's name where it has to lie in the original tree, for a container.
  static let folderName = ".certctl-stage"
  private static let skipped: Set = [folderName, NginxInstallation.challenges]

  /// Where a tree for this nginx can be: a container sees nothing but what is mounted.
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

  /// The main file of the tree, as nginx sees it.
  var main: String { root + place.configuration.main.dropFirst(place.folder.count) }

  /// Makes the tree as it would be after these changes.
  ///
  /// - Parameters:
  ///   - changes: The changes; those outside of the original tree are passed over.
  ///   - certificate: For the path of a certificate or key, as nginx sees it, the one to try.
  /// - Throws: `CertctlError` or `HostError` when the tree cannot be made.
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
      // On a full disk what is half made would take room.
      try? remove()
      if error is CertctlError || error is HostError { throw error }
      throw CertctlError(
        .state, "a copy of \(place.hostFolder) to test cannot be made in \(hostRoot): \(error)",
        hint: "look at the room on the disk and at the permissions")
    }
  }

  /// Removes the tree.
  @Disk func remove() throws {
    let (folder, name) = DurableFolder.folderAndName(of: hostRoot)
    try folder.removeTree(name)
  }

  /// A text of nginx's about this tree, as if it were about the original one.
  func original(_ text: String) -> String {
    text.split(separator: root, omittingEmptySubsequences: false).joined(separator: place.folder)
  }

  // MARK: - Making

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

  /// A path into the original tree, turned to this one.
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
