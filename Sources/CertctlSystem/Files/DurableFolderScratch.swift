package import CertctlBase
internal import Glibc

/// Temporary data that need not survive a crash: no sync and no fault points.
extension DurableFolder {
  /// Creates a directory.
  ///
  /// - Throws: `HostError`; `.alreadyExists` if the name exists.
  package func makeScratchFolder(
    _ name: String, _ attributes: FileAttributes
  ) throws(HostError) {
    try check(name)
    let folder = try Descriptor.folder(path)
    let subject = full(name)
    try Descriptor.call("create the directory", subject) { unsafe mkdirat(folder.raw, name, 0o700) }
    let new = try folder.open(
      name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, operation: "open the directory", subject: subject)
    let raw = new.raw
    if attributes.owner != nil || attributes.group != nil {
      try Descriptor.call("set the owner of", subject) {
        fchown(raw, attributes.owner ?? .max, attributes.group ?? .max)
      }
    }
    try Descriptor.call("set the mode of", subject) { fchmod(raw, attributes.mode & 0o7777) }
  }

  /// Replaces or creates a file; readers see the old one or the new one.
  ///
  /// - Throws: `HostError`; then no temporary file is left.
  package func writeScratch(
    _ name: String, _ bytes: [UInt8], mode: UInt32
  ) throws(HostError) {
    try check(name)
    let folder = try Descriptor.folder(path)
    let raw = folder.raw
    let subject = full(name)
    let temporary = Self.temporaryName(for: name)
    let file = try folder.open(
      temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: mode, operation: "create",
      subject: subject)
    do throws(HostError) {
      try file.write(bytes, subject: subject)
      try Descriptor.call("write", subject) { unsafe renameat(raw, temporary, raw, name) }
    } catch {
      _ = unsafe unlinkat(raw, temporary, 0)
      throw error
    }
  }

  /// Creates a symbolic link.
  ///
  /// - Throws: `HostError`; `.alreadyExists` if the name exists.
  package func makeScratchLink(_ name: String, to target: String) throws(HostError) {
    try check(name)
    let folder = try Descriptor.folder(path)
    try Descriptor.call("create the link", full(name)) {
      unsafe symlinkat(target, folder.raw, name)
    }
  }
}
