import CertctlCore
import CertctlCrypto
import CertctlSystem

// The current and the requested state of a path.

extension Transaction {
  static func state(at path: String) throws -> PathState {
    let (folder, name) = DurableFolder.folderAndName(of: path)
    switch try folder.kind(of: name) {
    case nil: return PathState(kind: .absent)
    case .folder: return PathState(kind: .folder)
    case .link: return PathState(kind: .link, target: try folder.linkTarget(name))
    case .file:
      let bytes = try folder.read(name, limit: sizeLimit) ?? []
      let attributes = try folder.attributes(of: name)
      return PathState(
        kind: .file, sha256: Digest.sha256(bytes).hexadecimal, mode: attributes?.mode,
        owner: attributes?.owner, group: attributes?.group)
    case .other:
      throw CertctlError(
        .state, "cannot replace \(path): it is not a file, directory or symbolic link",
        hint: "move it away")
    }
  }

  /// Returns whether a change is already in place.
  static func isInPlace(_ change: FileChange) throws -> Bool {
    let now = try state(at: change.path)
    switch change.content {
    case .absent: return now.kind == .absent
    case .folder: return now.kind == .folder
    case .link(let target): return now.kind == .link && now.target == target
    case .file(let bytes, let attributes):
      let (folder, name) = change.folderAndName
      return try now.kind == .file && now.mode == attributes.mode
        && folder.read(name, limit: sizeLimit) == bytes
    }
  }

  static func state(of change: FileChange) -> PathState {
    switch change.content {
    case .absent: PathState(kind: .absent)
    case .folder: PathState(kind: .folder)
    case .link(let target): PathState(kind: .link, target: target)
    case .file(let bytes, _):
      PathState(kind: .file, sha256: Digest.sha256(bytes).hexadecimal)
    }
  }
}
