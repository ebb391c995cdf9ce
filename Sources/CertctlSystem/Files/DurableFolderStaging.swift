package import CertctlBase
internal import Glibc

extension DurableFolder {
  /// What stands under a name.
  package enum Kind: Sendable, Equatable {
    /// A regular file.
    case file
    /// A folder.
    case folder
    /// A symbolic link.
    case link
    /// A device, a socket or a pipe.
    case other
  }

  /// What stands under a name, links not followed; nil when nothing does.
  package func kind(of name: String) throws(HostError) -> Kind? {
    try check(name)
    var status = stat()
    do throws(HostError) {
      try Descriptor.call("look at", full(name)) { unsafe lstat(full(name), &status) }
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

  /// Writes a file to the disk without putting it in its place.
  ///
  /// Whoever changes several files stages all of them first: a full disk is met before anything has
  /// changed, and what is left needs no room.
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

  /// Puts a staged file in its place, in one step.
  package func install(_ staged: String, as name: String) throws(HostError) {
    try check(name)
    let folder = try Descriptor.folder(path)
    try move(staged, to: name, in: folder)
    try sync(folder)
  }

  /// Removes a staged file that is not wanted any more.
  package func discard(_ staged: String) {
    guard let folder = try? Descriptor.folder(path) else { return }
    discard(staged, in: folder, as: staged)
  }

  /// Removes a folder if nothing is in it.
  ///
  /// - Returns: Whether it is gone.
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
      throw HostError(errno: number, operation: "remove the folder", subject: full(name))
    }
    return false
  }
}
