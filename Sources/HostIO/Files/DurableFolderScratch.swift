internal import Glibc

/// What nobody keeps, and so needs no care for crashes: neither synced nor a fault point.
extension DurableFolder {
  /// Makes a folder.
  ///
  /// - Throws: `HostError`; `.alreadyExists` when there is anything of that name.
  package func makeScratchFolder(
    _ name: String, _ attributes: FileAttributes
  ) throws(HostError) {
    try check(name)
    let folder = try Descriptor.folder(path)
    let subject = full(name)
    try Descriptor.call("make the folder", subject) { unsafe mkdirat(folder.raw, name, 0o700) }
    let new = try folder.open(
      name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, operation: "open the folder", subject: subject)
    let raw = new.raw
    if attributes.owner != nil || attributes.group != nil {
      try Descriptor.call("set the owner of", subject) {
        fchown(raw, attributes.owner ?? .max, attributes.group ?? .max)
      }
    }
    try Descriptor.call("set the mode of", subject) { fchmod(raw, attributes.mode & 0o7777) }
  }

  /// Makes a symbolic link.
  ///
  /// - Throws: `HostError`; `.alreadyExists` when there is anything of that name.
  package func makeScratchLink(_ name: String, to target: String) throws(HostError) {
    try check(name)
    let folder = try Descriptor.folder(path)
    try Descriptor.call("make the link", full(name)) {
      unsafe symlinkat(target, folder.raw, name)
    }
  }
}
