internal import CLinux
package import CertctlBase
internal import Glibc

/// The mode and owner of a file or directory, which are set exactly, whatever the umask.
package struct FileAttributes: Sendable, Hashable {
  /// The permission bits, such as `0o600`.
  package var mode: UInt32
  /// The user number of the owner; nil keeps the process's.
  package var owner: UInt32?
  /// The group number; nil keeps the process's.
  package var group: UInt32?

  /// Creates attributes.
  package init(mode: UInt32, owner: UInt32? = nil, group: UInt32? = nil) {
    self.mode = mode
    self.owner = owner
    self.group = group
  }
}

/// A directory whose contents survive a crash: each file is at any moment either old or new.
///
/// All calls block (callers use `Blocking`). Every system call that changes something passes a
/// `FaultPoint` named after the path relative to `root`. Names are single path components.
/// Temporary names begin with `.tmp-`: they are never listed, and `sweepTemporaries` removes those
/// that remain after a crash.
package struct DurableFolder: Sendable {
  /// The path of the directory.
  package let path: String
  /// The base directory of the fault points' names.
  package let root: String

  /// Creates a reference to a directory, without accessing it.
  package init(path: String, root: String) {
    self.path = Self.withoutSlashes(path)
    self.root = Self.withoutSlashes(root)
  }

  /// Removes trailing slashes: "/a//" becomes "/a".
  private static func withoutSlashes(_ path: String) -> String {
    var path = path[...]
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    return String(path)
  }

  /// Returns the parent directory of a path and its name there, without accessing them.
  ///
  /// - Parameters:
  ///   - path: An absolute path.
  ///   - root: The base directory of the fault points' names.
  /// - Returns: The parent directory and the name.
  package static func folderAndName(
    of path: String, root: String = "/"
  ) -> (folder: DurableFolder, name: String) {
    let (parent, name) = split(path)
    return (DurableFolder(path: parent, root: root), name ?? "")
  }

  /// Returns the directory `name` inside this one, without accessing it.
  package func folder(_ name: String) -> DurableFolder {
    DurableFolder(path: "\(path)/\(name)", root: root)
  }

  /// Creates the directory and its missing parents, with these attributes.
  ///
  /// Each appears with its mode already set. An existing directory is not changed.
  package func create(_ attributes: FileAttributes) throws(HostError) {
    var status = stat()
    if unsafe stat(path, &status) == 0 {
      guard status.st_mode & S_IFMT == S_IFDIR else {
        throw HostError(errno: ENOTDIR, operation: "create the directory", subject: path)
      }
      return
    }
    let number = errno
    guard number == ENOENT else {
      throw HostError(errno: number, operation: "create the directory", subject: path)
    }
    let (parentPath, name) = Self.split(path)
    guard let name, isSafeComponent(name) else {
      throw HostError(.unsafePath, operation: "create the directory", subject: path)
    }
    let parent = DurableFolder(path: parentPath, root: root)
    try parent.create(attributes)
    try parent.add(folder: name, attributes)
  }

  /// Creates one directory under a temporary name and renames it.
  private func add(folder name: String, _ attributes: FileAttributes) throws(HostError) {
    let parent = try Descriptor.folder(path)
    // Always the same temporary name, since there is no lock: a directory that a crash left, or
    // that another process is creating, serves as well as a new one.
    let temporary = Self.temporaryName(for: name, number: 0)
    let subject = full(name)
    try step("mkdir", name)
    do throws(HostError) {
      try Descriptor.call("create the directory", subject) {
        unsafe mkdirat(parent.raw, temporary, 0o700)
      }
    } catch {
      if error.code != .alreadyExists { throw error }
    }
    do throws(HostError) {
      let new = try parent.open(
        temporary, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, operation: "open the directory",
        subject: subject)
      try apply(attributes, to: new, name)
      try step("rename", name)
      try Self.rename(temporary, toNew: name, in: parent, subject)
    } catch {
      discard(temporary, in: parent, as: name, flags: AT_REMOVEDIR)
      // Another process was faster.
      guard let number = error.errnoCode, [ENOENT, ENOTEMPTY, EEXIST].contains(number),
        unsafe faccessat(parent.raw, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0
      else { throw error }
      return
    }
    try sync(parent)
  }

  /// Renames to a name that does not exist yet.
  ///
  /// A plain rename would replace an empty directory that another process has just created, while
  /// that process is about to create something in it.
  private static func rename(
    _ old: String, toNew new: String, in folder: borrowing Descriptor, _ subject: String
  ) throws(HostError) {
    let raw = folder.raw
    do throws(HostError) {
      try Descriptor.call("create the directory", subject) {
        unsafe certctl_rename_new(raw, old, new)
      }
    } catch {
      // Some file systems do not support it.
      guard error.errnoCode == EINVAL || error.errnoCode == ENOSYS else { throw error }
      try Descriptor.call("create the directory", subject) { unsafe renameat(raw, old, raw, new) }
    }
  }

  /// Syncs the directory, so that its changes survive a crash.
  package func sync() throws(HostError) {
    try sync(try Descriptor.folder(path))
  }

  /// Returns the sorted names in the directory, without temporary ones; empty if it does not exist.
  package func entries() throws(HostError) -> [String] {
    do throws(HostError) {
      return try Descriptor.folder(path).names(subject: path).filter { !Self.isTemporary($0) }
    } catch {
      if error.code == .notFound { return [] }
      throw error
    }
  }

  /// Reads a file; returns nil if it does not exist.
  ///
  /// - Throws: `HostError`; `.fileTooLarge` for more than `limit` bytes.
  package func read(_ name: String, limit: Int = 1 << 20) throws(HostError) -> [UInt8]? {
    try read(name, limit: limit) { _ in }
  }

  /// Reads a secret, which must belong to this user or root, and which others must not be able to
  /// change.
  ///
  /// - Returns: The bytes, and whether everybody can read them; nil if the file does not exist.
  /// - Throws: `HostError` with code `unsafePath` for a file that others can change.
  package func readOwn(
    _ name: String, limit: Int
  ) throws(HostError) -> (bytes: [UInt8], isReadableByAll: Bool)? {
    var isReadableByAll = false
    let bytes = try read(name, limit: limit) { (status: stat) throws(HostError) in
      try TrustedPath.requireOwn(full(name), FileFacts(status))
      isReadableByAll = status.st_mode & S_IROTH != 0
    }
    return bytes.map { ($0, isReadableByAll) }
  }

  private func read(
    _ name: String, limit: Int, checking check: (stat) throws(HostError) -> Void
  ) throws(HostError) -> [UInt8]? {
    try self.check(name)
    let subject = full(name)
    do throws(HostError) {
      let folder = try Descriptor.folder(path)
      let file =
        geteuid() == 0
        ? try LinkWalk.file(name, in: folder, subject: subject)
        // Without O_NONBLOCK, opening a FIFO would wait for a writer.
        : try folder.open(name, O_RDONLY | O_NONBLOCK, operation: "read", subject: subject)
      let status = try file.status(subject: subject)
      guard status.st_mode & S_IFMT == S_IFREG else {
        throw HostError(.io, operation: "read", subject: subject, detail: "not a regular file")
      }
      try check(status)
      return try file.read(limit: limit, subject: subject)
    } catch {
      if error.code == .notFound { return nil }
      throw error
    }
  }

  /// Returns the mode and owner of a file or directory, or of a link itself; nil if it does not
  /// exist.
  package func attributes(of name: String) throws(HostError) -> FileAttributes? {
    try check(name)
    var status = stat()
    do throws(HostError) {
      try Descriptor.call("access", full(name)) { unsafe lstat(full(name), &status) }
    } catch {
      if error.code == .notFound { return nil }
      throw error
    }
    return FileAttributes(
      mode: UInt32(status.st_mode & 0o7777), owner: status.st_uid, group: status.st_gid)
  }

  /// Returns the target of a symbolic link; nil if it does not exist.
  package func linkTarget(_ name: String) throws(HostError) -> String? {
    try check(name)
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = unsafe buffer.withUnsafeMutableBytes { bytes in
      guard let start = bytes.baseAddress else { return 0 }
      return unsafe readlink(full(name), start, bytes.count)
    }
    let number = errno
    if count >= 0 { return String(decoding: buffer[..<count], as: UTF8.self) }
    if number == ENOENT { return nil }
    throw HostError(errno: number, operation: "read the link", subject: full(name))
  }
}

extension DurableFolder {
  /// Returns the path of `name` in this directory.
  func full(_ name: String) -> String { path == "/" ? "/\(name)" : "\(path)/\(name)" }

  /// Returns the path of `name`, or of the directory itself, relative to the root.
  func label(_ name: String?) -> String {
    let whole = name.map(full) ?? path
    if whole == root { return "." }
    return whole.hasPrefix(root + "/") ? String(whole.dropFirst(root.count + 1)) : whole
  }

  /// Passes the fault point of one system call.
  func step(_ operation: String, _ name: String?) throws(HostError) {
    try FaultPoint.step("\(operation) \(label(name))")
  }

  /// Refuses names that are not a single path component.
  func check(_ name: String) throws(HostError) {
    guard isSafeComponent(name) else {
      throw HostError(
        .unsafePath, operation: "use the name", subject: name, detail: "not a plain file name")
    }
  }

  /// Syncs an open directory.
  func sync(_ folder: borrowing Descriptor) throws(HostError) {
    try step("fsync", nil)
    let raw = folder.raw
    do throws(HostError) {
      try Descriptor.call("sync the directory", path) { fsync(raw) }
    } catch {
      // Some network file systems cannot sync directories.
      if error.errnoCode != EINVAL { throw error }
    }
  }

  /// Sets the owner, then the mode (a change of the owner clears mode bits), and syncs.
  func apply(
    _ attributes: FileAttributes, to file: borrowing Descriptor, _ name: String
  ) throws(HostError) {
    let raw = file.raw
    let subject = full(name)
    if attributes.owner != nil || attributes.group != nil {
      try step("chown", name)
      // -1 means unchanged.
      try Descriptor.call("set the owner of", subject) {
        fchown(raw, attributes.owner ?? .max, attributes.group ?? .max)
      }
    }
    try step("chmod", name)
    try Descriptor.call("set the mode of", subject) { fchmod(raw, attributes.mode & 0o7777) }
    try step("fsync", name)
    try Descriptor.call("sync", subject) { fsync(raw) }
  }

  /// Removes the leftovers of a failed change; ignores errors, because the caller reports the
  /// failure.
  func discard(
    _ temporary: String, in folder: borrowing Descriptor, as name: String, flags: Int32 = 0
  ) {
    do throws(HostError) {
      try step("unlink", name)
      _ = unsafe unlinkat(folder.raw, temporary, flags)
    } catch {}
  }

  /// Returns a temporary name for `name`: `.tmp-`, thirteen digits, and `name` itself.
  static func temporaryName(
    for name: String, number: UInt64 = .random(in: 0 ... .max)
  ) -> String {
    let digits = String(number, radix: 36)
    let zeros = String(repeating: "0", count: max(0, 13 - digits.count))
    let temporary = ".tmp-\(zeros)\(digits)-\(name)"
    return temporary.utf8.count <= 255 ? temporary : ".tmp-\(zeros)\(digits)"
  }

  static func isTemporary(_ name: String) -> Bool { name.hasPrefix(".tmp-") }

  /// Returns whether `temporary` is a temporary name for `name`.
  static func isTemporary(_ temporary: String, for name: String) -> Bool {
    isTemporary(temporary) && temporary.utf8.dropFirst(5 + 13).elementsEqual("-\(name)".utf8)
  }

  /// Splits a path into its parent and its last component.
  static func split(_ path: String) -> (parent: String, name: String?) {
    guard let slash = path.lastIndex(of: "/") else { return (".", path) }
    let parent = path[..<slash]
    return (parent.isEmpty ? "/" : String(parent), String(path[path.index(after: slash)...]))
  }
}
