internal import Glibc

/// What the system says about a file, folder or link of this host, whoever owns it.
package struct FileFacts: Sendable, Equatable {
  /// What it is.
  package enum Kind: Sendable, Equatable { case file, folder, link, other }

  /// Which file it is, whatever its name: the numbers of its file system and of itself.
  package struct Identity: Sendable, Hashable {
    let device: UInt64
    let number: UInt64
  }

  /// What it is.
  package let kind: Kind
  /// Which one it is.
  package let identity: Identity
  /// Its permission bits.
  package let mode: UInt32
  /// The number of its owner.
  package let owner: UInt32
  /// The number of its group.
  package let group: UInt32

  /// Describes a file.
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

  /// Looks at a path; nil when nothing is there or this user may not look.
  ///
  /// Blocks. A symbolic link stands for what it leads to unless `followsLinks` is false.
  package init?(path: String, followsLinks: Bool = true) {
    guard !path.isEmpty, !path.utf8.contains(0) else { return nil }
    var status = stat()
    let result = unsafe followsLinks ? stat(path, &status) : lstat(path, &status)
    guard result == 0 else { return nil }
    self.init(status)
  }

  /// What the system said.
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

  /// Where a symbolic link leads, as it is written; nil when the path is no link.
  package static func target(ofLink path: String) -> String? {
    guard !path.utf8.contains(0) else { return nil }
    var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = unsafe readlink(path, &buffer, buffer.count)
    guard count > 0 else { return nil }
    return String(decoding: buffer.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// The names in a folder; nil when this user cannot list it.
  package static func names(inFolder path: String) -> [String]? {
    guard let folder = try? Descriptor.folder(path) else { return nil }
    return try? folder.names(subject: path)
  }
}
