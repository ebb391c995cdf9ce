internal import Glibc

/// The status of a file, directory or link on this host, of any owner.
package struct FileFacts: Sendable, Equatable {
  /// The kind of entry.
  package enum Kind: Sendable, Equatable { case file, folder, link, other }

  /// The identity of a file, independent of its name: its device and inode numbers.
  package struct Identity: Sendable, Hashable {
    let device: UInt64
    let number: UInt64
  }

  /// The kind of entry.
  package let kind: Kind
  /// The identity of the file.
  package let identity: Identity
  /// The permission bits.
  package let mode: UInt32
  /// The user number of the owner.
  package let owner: UInt32
  /// The group number.
  package let group: UInt32

  /// Creates a description of a file.
  package init(
    kind: Kind, mode: UInt32, owner: UInt32, group: UInt32,
    identity: Identity = Identity(device: 0, number: 0)
  ) {
    self.kind = kind
    self.mode = mode
    self.owner = owner
    self.group = group
    self.identity = identity
  }

  /// Reads the status of a path; nil if nothing exists there or this user may not access it.
  ///
  /// Blocks. Follows a symbolic link unless `followsLinks` is false.
  package init?(path: String, followsLinks: Bool = true) {
    guard !path.isEmpty, !path.utf8.contains(0) else { return nil }
    var status = stat()
    let result = unsafe followsLinks ? stat(path, &status) : lstat(path, &status)
    guard result == 0 else { return nil }
    self.init(status)
  }

  /// Creates a description from a system status.
  init(_ status: stat) {
    let kind: Kind =
      switch status.st_mode & S_IFMT {
      case S_IFREG: .file
      case S_IFDIR: .folder
      case S_IFLNK: .link
      default: .other
      }
    self.init(
      kind: kind, mode: UInt32(status.st_mode & 0o7777), owner: UInt32(status.st_uid),
      group: UInt32(status.st_gid),
      identity: Identity(device: UInt64(status.st_dev), number: UInt64(status.st_ino)))
  }

  /// Returns the target of a symbolic link as stored; nil if the path is not a link.
  package static func target(ofLink path: String) -> String? {
    guard !path.utf8.contains(0) else { return nil }
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = unsafe readlink(path, &buffer, buffer.count)
    guard count > 0 else { return nil }
    return String(decoding: buffer.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// Returns the names in a directory; nil if this user cannot list it.
  package static func names(inFolder path: String) -> [String]? {
    guard let folder = try? Descriptor.folder(path) else { return nil }
    return try? folder.names(subject: path)
  }
}
