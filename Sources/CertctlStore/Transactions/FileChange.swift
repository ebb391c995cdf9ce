package import CertctlSystem

/// The requested state of one path on this host.
package struct FileChange: Sendable, Equatable {
  /// The requested contents of a path.
  package enum Content: Sendable, Equatable {
    /// A file with these bytes.
    case file([UInt8], FileAttributes)
    /// A symbolic link to this target.
    case link(String)
    /// A folder; an existing one stays unchanged.
    case folder(FileAttributes)
    /// Nothing.
    case absent
  }

  /// The absolute path.
  package let path: String
  /// The requested contents.
  package let content: Content

  /// Creates the change of one path.
  package init(_ path: String, _ content: Content) {
    self.path = path
    self.content = content
  }

  /// The parent folder, and the name in it.
  package var folderAndName: (folder: DurableFolder, name: String) {
    DurableFolder.folderAndName(of: path)
  }
}

/// The state of a path, in a form that can be stored.
package struct PathState: Codable, Sendable, Equatable {
  package enum Kind: String, Codable, Sendable {
    case absent
    case file
    case link
    case folder
  }

  package let kind: Kind
  /// The target of a link.
  package var target: String?
  /// The SHA-256 of a file's bytes, in hexadecimal.
  var sha256: String?
  /// The mode, owner and group of a file.
  package var mode: UInt32?
  var owner: UInt32?
  var group: UInt32?
  /// The name of the copy of a file in the transaction's folder.
  var copy: String?

  /// Returns whether kind, target and contents are the same; the attributes may differ.
  func isSame(as other: PathState) -> Bool {
    kind == other.kind && target == other.target && sha256 == other.sha256
  }
}
