package import CertctlBase
internal import Glibc

extension DurableFolder {
  /// The kind of a directory entry.
  package enum Kind: Sendable, Equatable {
    /// A regular file.
    case file
    /// A directory.
    case folder
    /// A symbolic link.
    case link
    /// A device, a socket or a pipe.
    case other
  }

  /// Returns the kind of an entry, without following links; nil if it does not exist.
  package func kind(of name: String) throws(HostError) -> Kind? {
    try check(name)
    var status = stat()
    do throws(HostError) {
      try Descriptor.call("access", full(name)) { unsafe lstat(full(name), &status) }
    } catch {
      if error.code == .notFound { return nil }
      throw error
    }
    switch status.st_mode & S_IFMT {
    case S_IFREG: return .file
    case S_IFDIR: return .folder
    case S_IFLNK: return .link
    default: return .other
    }
  }

  /// Writes a file to the disk under a temporary name.
  ///
  /// To change several files, stage all of them first: a full disk is then detected before anything
  /// has changed, and installing them needs no space.
  ///
  /// - Returns: The temporary name, for ``install(_:as:)`` or ``discard(_:)``.
  package func stage(
    _ name: String, _ bytes: [UInt8], _ attributes: FileAttributes
  ) throws(HostError) -> String {
    try check(name)
    let folder = try Descriptor.folder(path)
    let temporary = Self.temporaryName(for: name)
    try make(temporary, as: name, bytes, attributes, in: folder)
    return temporary
  }

  /// Renames a staged file to its final name, in one step.
  package func install(_ staged: String, as name: String) throws(HostError) {
    try check(name)
    let folder = try Descriptor.folder(path)
    try move(staged, to: name, in: folder)
    try sync(folder)
  }

  /// Removes a staged file that is no longer needed.
  package func discard(_ staged: String) {
    guard let folder = try? Descriptor.folder(path) else { return }
    discard(staged, in: folder, as: staged)
  }

  /// Removes a directory if it is empty.
  ///
  /// - Returns: Whether the directory no longer exists.
  @discardableResult
  package func removeIfEmpty(_ name: String) throws(HostError) -> Bool {
    try check(name)
    let folder = try Descriptor.folder(path)
    try step("rmdir", name)
    if unsafe unlinkat(folder.raw, name, AT_REMOVEDIR) == 0 {
      try sync(folder)
      return true
    }
    let number = errno
    if number == ENOENT { return true }
    guard number == ENOTEMPTY || number == EEXIST else {
      throw HostError(errno: number, operation: "remove the directory", subject: full(name))
    }
    return false
  }
}
