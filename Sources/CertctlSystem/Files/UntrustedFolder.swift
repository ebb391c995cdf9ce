package import CertctlBase
internal import Glibc

/// A directory inside one that other users may write, such as a webroot.
///
/// The owner of a webroot can replace any part of it with a symbolic link at any time, to make root
/// write elsewhere. So each component below the base directory is opened without following links.
/// Files are only created, never opened for writing, and only files with the expected contents are
/// removed. Nothing stays open between the calls, so that a later process can clean up.
package struct UntrustedFolder: Sendable, Hashable {
  /// The directory that the user configured; links in this path are followed.
  package let base: String
  /// The components below the base directory.
  package let components: [String]

  private init(base: String, components: [String]) {
    self.base = base
    self.components = components
  }

  /// Opens the directory `path`, which must exist.
  package static func open(_ path: String) throws(HostError) -> UntrustedFolder {
    _ = try Descriptor.folder(path)
    return UntrustedFolder(base: path, components: [])
  }

  /// Opens the directory `path` and runs `body` on a blocking thread, so that a hanging file system
  /// does not block other tasks.
  ///
  /// - Returns: The result of `body`.
  /// - Throws: `HostError` if the directory does not exist, or the error of `body`.
  package static func within<Value: Sendable>(
    _ path: String, _ body: @escaping @Sendable (UntrustedFolder) throws -> Value
  ) async throws -> Value {
    try await Blocking.run { try body(open(path)) }
  }

  /// The directory's path, for messages.
  package var path: String { ([base] + components).joined(separator: "/") }

  /// Returns a subdirectory, without accessing it.
  package func folder(_ names: [String]) -> UntrustedFolder {
    UntrustedFolder(base: base, components: components + names)
  }

  /// Creates the missing directories of a path, with mode 0755.
  ///
  /// - Returns: The innermost directory, and how many of the last components this call created.
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
    // An existing one may be a link, which is detected here rather than at the first file.
    _ = try folder.descriptor()
    return (folder, made)
  }

  /// Creates a new file that a web server can read, whatever the umask.
  ///
  /// - Throws: `HostError`; `.alreadyExists` if the name exists, even as a link.
  package func create(
    _ name: String, _ bytes: [UInt8], mode: UInt32 = 0o644
  ) throws(HostError) {
    try check(name)
    let subject = "\(path)/\(name)"
    let folder = try descriptor()
    try step("open", name)
    let file = try folder.open(
      name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600, operation: "create",
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

  /// Removes a regular file if it contains exactly these bytes, or a prefix of them, as a crash or
  /// a full disk leaves it.
  ///
  /// - Returns: Whether it was removed; false if it does not exist or has other contents.
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

  /// Removes the last `count` components as long as they are empty.
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

  /// Opens the directory, component by component.
  private func descriptor() throws(HostError) -> Descriptor {
    var folder = try Descriptor.folder(base)
    for name in components {
      try check(name)
      folder = try folder.open(
        name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, operation: "open the directory", subject: path)
    }
    return folder
  }

  /// Creates one directory; returns false if the name exists, which the next step then opens.
  private func make(
    _ name: String, in parent: borrowing Descriptor
  ) throws(HostError) -> Bool {
    let raw = parent.raw
    let subject = path
    var isNew = true
    do throws(HostError) {
      try step("mkdir", nil)
      try Descriptor.call("create the directory", subject) { unsafe mkdirat(raw, name, 0o700) }
    } catch {
      if error.code != .alreadyExists { throw error }
      isNew = false
    }
    let new = try parent.open(
      name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, operation: "open the directory", subject: subject)
    let number = new.raw
    if !isNew {
      let status = try new.status(subject: subject)
      // Mode 0700 and empty: an interrupted run left it closed to the web server.
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
        .unsafePath, operation: "use the name", subject: name, detail: "not a plain file name")
    }
  }
}
