package import CertctlSystem

/// What is to stand at one path of this host.
package struct FileChange: Sendable, Equatable {
  /// What is to stand there.
  package enum Content: Sendable, Equatable {
    /// A file with these bytes.
    case file([UInt8], FileAttributes)
    /// A symbolic link to this target.
    case link(String)
    /// A folder; one that is there stays as it is.
    case folder(FileAttributes)
    /// Nothing.
    case absent
  }

  /// The absolute path.
  package let path: String
  /// What is to stand there.
  package let content: Content

  /// The change of one path.
  package init(_ path: String, _ content: Content) {
    self.path = path
    self.content = content
  }

  /// The folder that it is in, and its name there.
  package var folderAndName: (folder: DurableFolder, name: String) {
    DurableFolder.folderAndName(of: path)
  }
}

/// What stood or stands at a path, in a form that can be kept.
package struct PathState: Codable, Sendable, Equatable {
  package enum Kind: String, Codable, Sendable {
    case absent
    case file
    case link
    case folder
  }

  package let kind: Kind
  /// Where a link points.
  package var target: String?
  /// The SHA-256 of a file's bytes, in hexadecimal.
  var sha256: String?
  /// Mode, owner and group of a file.
  package var mode: UInt32?
  var owner: UInt32?
  var group: UInt32?
  /// Where the bytes of a file are kept, in the transaction's folder.
  var copy: String?

  /// Whether the same stands there; where the bytes are kept, and who owns them, is not compared.
  func isSame(as other: PathState) -> Bool {
    kind == other.kind && target == other.target && sha256 == other.sha256
  }
}
