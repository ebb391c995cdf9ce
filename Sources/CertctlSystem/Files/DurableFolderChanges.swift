package import CertctlBase
internal import Glibc

extension DurableFolder {
  /// Replaces or creates a file; readers see the old bytes or the new ones, even after a crash.
  package func write(
    _ name: String, _ bytes: [UInt8], _ attributes: FileAttributes
  ) throws(HostError) {
    try check(name)
    let folder = try Descriptor.folder(path)
    let temporary = Self.temporaryName(for: name)
    try make(temporary, as: name, bytes, attributes, in: folder)
    try move(temporary, to: name, in: folder)
    try sync(folder)
  }

  /// Creates a file that must not exist, in a directory that is not yet in use.
  ///
  /// It is written under its final name; the caller syncs the directory once, after the last file.
  package func writeNew(
    _ name: String, _ bytes: [UInt8], _ attributes: FileAttributes
  ) throws(HostError) {
    try check(name)
    try make(name, as: name, bytes, attributes, in: try Descriptor.folder(path))
  }

  /// Creates or atomically changes a symbolic link; the caller holds the lock for this link.
  ///
  /// The temporary name contains the link's name, so that a leftover can be attributed to it: a
  /// directory of links has several owners, none of which may sweep it as a whole.
  package func link(_ name: String, to target: String) throws(HostError) {
    try check(name)
    let folder = try Descriptor.folder(path)
    let temporary = Self.temporaryName(for: name)
    try step("symlink", name)
    try Descriptor.call("create the link", full(name)) {
      unsafe symlinkat(target, folder.raw, temporary)
    }
    try move(temporary, to: name, in: folder)
    try sync(folder)
  }

  /// Renames within this directory or into another one on the same file system; replaces a file.
  package func rename(
    _ old: String, to new: String, in other: DurableFolder? = nil
  ) throws(HostError) {
    try check(old)
    try check(new)
    let target = other ?? self
    let source = try Descriptor.folder(path)
    let destination = try Descriptor.folder(target.path)
    try target.step("rename", new)
    try Descriptor.call("rename \(full(old)) to", target.full(new)) {
      unsafe renameat(source.raw, old, destination.raw, new)
    }
    try target.sync(destination)
    if target.path != path { try sync(source) }
  }

  /// Sets the attributes of a directory inside this one.
  package func setAttributes(
    _ attributes: FileAttributes, of name: String
  ) throws(HostError) {
    try check(name)
    let target = try Descriptor.folder(path).open(
      name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, operation: "open the directory",
      subject: full(name))
    try apply(attributes, to: target, name)
  }

  /// Removes a file or link; does nothing if it does not exist.
  package func remove(_ name: String) throws(HostError) {
    try check(name)
    do throws(HostError) {
      let folder = try Descriptor.folder(path)
      try step("unlink", name)
      try Descriptor.call("remove", full(name)) { unsafe unlinkat(folder.raw, name, 0) }
      try sync(folder)
    } catch {
      if error.code != .notFound { throw error }
    }
  }

  /// Removes a directory and its contents; does nothing if it does not exist.
  ///
  /// It is first renamed to a temporary name, so that nobody sees it half removed. Links in it are
  /// removed, not followed.
  package func removeTree(_ name: String) throws(HostError) {
    try check(name)
    let temporary = Self.temporaryName(for: name)
    do throws(HostError) {
      let folder = try Descriptor.folder(path)
      try step("rename", name)
      try Descriptor.call("remove", full(name)) {
        unsafe renameat(folder.raw, name, folder.raw, temporary)
      }
      try sync(folder)
      try clear(temporary, in: folder, label: label(name))
    } catch {
      if error.code != .notFound { throw error }
    }
  }

  /// Removes the temporary entries that crashes left.
  ///
  /// The caller holds the lock for this directory, because temporary entries may also belong to
  /// work in progress. In a directory that several lineages share, `name` limits the sweep to the
  /// leftovers of the locked lineage. Does nothing if the directory does not exist.
  package func sweepTemporaries(of name: String? = nil) throws(HostError) {
    do throws(HostError) {
      let folder = try Descriptor.folder(path)
      for found in try folder.names(subject: path)
      where name.map({ Self.isTemporary(found, for: $0) }) ?? Self.isTemporary(found) {
        try clear(found, in: folder, label: label(".tmp-"))
      }
    } catch {
      if error.code != .notFound { throw error }
    }
  }

  func make(
    _ temporary: String, as name: String, _ bytes: [UInt8], _ attributes: FileAttributes,
    in folder: borrowing Descriptor
  ) throws(HostError) {
    try step("open", name)
    // 0600 until the owner is set, so that a key is never readable by others.
    let file = try folder.open(
      temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600, operation: "create",
      subject: full(name))
    do throws(HostError) {
      try step("write", name)
      try file.write(bytes, subject: full(name))
      try apply(attributes, to: file, name)
    } catch {
      discard(temporary, in: folder, as: name)
      throw error
    }
  }

  func move(
    _ temporary: String, to name: String, in folder: borrowing Descriptor
  ) throws(HostError) {
    let raw = folder.raw
    do throws(HostError) {
      try step("rename", name)
      try Descriptor.call("replace", full(name)) { unsafe renameat(raw, temporary, raw, name) }
    } catch {
      discard(temporary, in: folder, as: name)
      throw error
    }
  }

  /// Removes a file, link or tree, without following symbolic links.
  private func clear(
    _ name: String, in folder: borrowing Descriptor, label: String
  ) throws(HostError) {
    try FaultPoint.step("unlink \(label)")
    if unsafe unlinkat(folder.raw, name, 0) == 0 { return }
    let number = errno
    if number == ENOENT { return }
    // Linux returns EISDIR, POSIX EPERM.
    guard number == EISDIR || number == EPERM else {
      throw HostError(errno: number, operation: "remove", subject: full(name))
    }
    let tree = try folder.open(
      name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, operation: "remove", subject: full(name))
    for inner in try tree.names(subject: full(name)) {
      try clear(inner, in: tree, label: "\(label)/\(inner)")
    }
    try FaultPoint.step("rmdir \(label)")
    let raw = folder.raw
    try Descriptor.call("remove", full(name)) { unsafe unlinkat(raw, name, AT_REMOVEDIR) }
  }
}
