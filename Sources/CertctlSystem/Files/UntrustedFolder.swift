package import CertctlBase
internal import Glibc

/// A folder inside one that others may write, such as a webroot.
///
/// Whoever owns a webroot may swap any part of it for a symbolic link at any time, to make root
/// write elsewhere. So each component below the folder that the user named is opened without
/// following links, files are made and never opened for writing, and what is removed must be what we
/// made. Nothing stays open between the calls; a later process may clean up.
package struct UntrustedFolder: Sendable, Hashable {
  /// The folder that the user named; links in this path are the user's own.
  package let base: String
  /// The components below it.
  package let components: [String]

  private init(base: String, components: [String]) {
    self.base = base
    self.components = components
  }

  /// The folder `path`, which must be there.
  package static func open(_ path: String) throws(HostError) -> UntrustedFolder {
    _ = try Descriptor.folder(path)
    return UntrustedFolder(base: path, components: [])
  }

  /// Does something in the folder `path` on a thread that may wait: a file system that hangs holds up
  /// nobody else.
  ///
  /// - Returns: What `body` returned.
  /// - Throws: `HostError` when the folder is not there, or what `body` throws.
  package static func within<Value: Sendable>(
    _ path: String, _ body: @escaping @Sendable (UntrustedFolder) throws -> Value
  ) async throws -> Value {
    try await Blocking.run { try body(open(path)) }
  }

  /// The folder's path, for messages.
  package var path: String { ([base] + components).joined(separator: "/") }

  /// The folder further down; nothing is made or looked at.
  package func folder(_ names: [String]) -> UntrustedFolder {
    UntrustedFolder(base: base, components: components + names)
  }

  /// Goes down, making with mode 0755 the folders that are missing.
  ///
  /// - Returns: The innermost folder, and how many of the last components were made by this call.
  package func makeFolders(
    _ names: [String]
  ) throws(HostError) -> (folder: UntrustedFolder, made: Int) {
    var folder = self
    var made = 0
    for name in names {
      let parent = try folder.descriptor()
      let next = folder.folder([name])
      try next.check(name)
      if try next.make(name, in: parent) { made += 1 }
      folder = next
    }
    // One that was there may be a link, which is found here rather than at the first file.
    _ = try folder.descriptor()
    return (folder, made)
  }

  /// Makes a file that was not there, readable by a web server under any umask.
  ///
  /// - Throws: `HostError`; `.alreadyExists` when there is anything of that name, a link included.
  package func create(
    _ name: String, _ bytes: [UInt8], mode: UInt32 = 0o644
  ) throws(HostError) {
    try check(name)
    let subject = "\(path)/\(name)"
    let folder = try descriptor()
    try step("open", name)
    let file = try folder.open(
      name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600, operation: "make",
      subject: subject)
    let raw = file.raw
    do throws(HostError) {
      try step("write", name)
      try file.write(bytes, subject: subject)
      try step("chmod", name)
      try Descriptor.call("set the mode of", subject) { fchmod(raw, mode & 0o777) }
    } catch {
      _ = unsafe unlinkat(folder.raw, name, 0)
      throw error
    }
  }

  /// Removes a file if it is a plain one with just these bytes, or with the first of them only, as
  /// a crash or a full disk leaves it.
  ///
  /// - Returns: Whether it was removed; false when it is not there or not ours.
  @discardableResult
  package func removeIfOurs(_ name: String, _ expected: [UInt8]) throws(HostError) -> Bool {
    try check(name)
    let subject = "\(path)/\(name)"
    do throws(HostError) {
      let folder = try descriptor()
      let file = try folder.open(
        name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, operation: "remove", subject: subject)
      let status = try file.status(subject: subject)
      guard status.st_mode & S_IFMT == S_IFREG, Int(status.st_size) <= expected.count,
        expected.starts(with: try file.read(limit: expected.count, subject: subject))
      else { return false }
      let raw = folder.raw
      try step("unlink", name)
      try Descriptor.call("remove", subject) { unsafe unlinkat(raw, name, 0) }
      return true
    } catch {
      if [.notFound, .unsafePath, .fileTooLarge].contains(error.code) { return false }
      throw error
    }
  }

  /// Removes the last `count` components while they are empty; what others use stays.
  package func removeEmptyFolders(_ count: Int) throws(HostError) {
    var left = components
    for _ in 0..<min(count, components.count) {
      let name = left.removeLast()
      let parent = UntrustedFolder(base: base, components: left)
      do throws(HostError) {
        let raw = try parent.descriptor()
        let number = raw.raw
        try parent.step("rmdir", name)
        try Descriptor.call("remove", "\(parent.path)/\(name)") {
          unsafe unlinkat(number, name, AT_REMOVEDIR)
        }
      } catch {
        guard let number = error.errnoCode,
          [ENOENT, ENOTEMPTY, EEXIST, EBUSY, ENOTDIR, ELOOP].contains(number)
        else { throw error }
        return
      }
    }
  }

  /// Opens the folder, component by component.
  private func descriptor() throws(HostError) -> Descriptor {
    var folder = try Descriptor.folder(base)
    for name in components {
      try check(name)
      folder = try folder.open(
        name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, operation: "open the folder", subject: path)
    }
    return folder
  }

  /// Makes one folder; false when something of that name is there, which the next step opens.
  private func make(
    _ name: String, in parent: borrowing Descriptor
  ) throws(HostError) -> Bool {
    let raw = parent.raw
    let subject = path
    var isNew = true
    do throws(HostError) {
      try step("mkdir", nil)
      try Descriptor.call("make the folder", subject) { unsafe mkdirat(raw, name, 0o700) }
    } catch {
      if error.code != .alreadyExists { throw error }
      isNew = false
    }
    let new = try parent.open(
      name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, operation: "open the folder", subject: subject)
    let number = new.raw
    if !isNew {
      let status = try new.status(subject: subject)
      // Just as the line above leaves it: closed to the web server, by a run that was cut short.
      guard status.st_uid == geteuid(), status.st_mode & 0o777 == 0o700,
        try new.names(subject: subject).isEmpty
      else { return false }
    }
    try step("chmod", nil)
    try Descriptor.call("set the mode of", subject) { fchmod(number, 0o755) }
    return isNew
  }

  /// Passes the fault point of one system call.
  private func step(_ operation: String, _ name: String?) throws(HostError) {
    let path = (components + (name.map { [$0] } ?? [])).joined(separator: "/")
    try FaultPoint.step("\(operation) webroot/\(path)")
  }

  private func check(_ name: String) throws(HostError) {
    guard isSafeComponent(name) else {
      throw HostError(
        .unsafePath, operation: "use the name", subject: name, detail: "it is no plain file name")
    }
  }
}
