internal import CLinux
package import CertctlBase
internal import Glibc

/// Mode and owner of a file or folder; both are set exactly, whatever the umask.
package struct FileAttributes: Sendable, Hashable {
  /// The permission bits, such as `0o600`.
  package var mode: UInt32
  /// The owner's number; nil leaves the process's.
  package var owner: UInt32?
  /// The group's number; nil leaves the process's.
  package var group: UInt32?

  /// Makes attributes.
  package init(mode: UInt32, owner: UInt32? = nil, group: UInt32? = nil) {
    self.mode = mode
    self.owner = owner
    self.group = group
  }
}

/// A folder whose contents survive a crash: at any moment old or new, never half.
///
/// All calls block (callers go through `Blocking`), and every system call that changes something
/// passes a `FaultPoint` named after the path relative to `root`. Names are single components.
/// Temporary names begin with `.tmp-`; they are never listed, and `sweepTemporaries` removes those
/// that a crash left.
package struct DurableFolder: Sendable {
  /// Where the folder is.
  package let path: String
  /// The folder that fault points count from.
  package let root: String

  /// Names a folder; nothing is touched.
  package init(path: String, root: String) {
    self.path = Self.withoutSlashes(path)
    self.root = Self.withoutSlashes(root)
  }

  /// "/a//" is "/a".
  private static func withoutSlashes(_ path: String) -> String {
    var path = path[...]
    while path.count > 1, path.hasSuffix("/") { path.removeLast() }
    return String(path)
  }

  /// The folder that a path is in, and its name there; nothing is touched.
  ///
  /// - Parameters:
  ///   - path: An absolute path.
  ///   - root: Where fault points count from.
  /// - Returns: Both.
  package static func folderAndName(
    of path: String, root: String = "/"
  ) -> (folder: DurableFolder, name: String) {
    let (parent, name) = split(path)
    return (DurableFolder(path: parent, root: root), name ?? "")
  }

  /// The folder `name` inside this one; nothing is touched.
  package func folder(_ name: String) -> DurableFolder {
    DurableFolder(path: "\(path)/\(name)", root: root)
  }

  /// Makes the folder, and the parents that are missing, with these attributes.
  ///
  /// Each appears with its mode already set. A folder that is there stays as it is.
  package func create(_ attributes: FileAttributes) throws(HostError) {
    var status = stat()
    if unsafe stat(path, &status) == 0 {
      guard status.st_mode & S_IFMT == S_IFDIR else {
        throw HostError(errno: ENOTDIR, operation: "make the folder", subject: path)
      }
      return
    }
    let number = errno
    guard number == ENOENT else {
      throw HostError(errno: number, operation: "make the folder", subject: path)
    }
    let (parentPath, name) = Self.split(path)
    guard let name, isSafeComponent(name) else {
      throw HostError(.unsafePath, operation: "make the folder", subject: path)
    }
    let parent = DurableFolder(path: parentPath, root: root)
    try parent.create(attributes)
    try parent.add(folder: name, attributes)
  }

  /// Makes one folder under a temporary name and moves it to its place.
  private func add(folder name: String, _ attributes: FileAttributes) throws(HostError) {
    let parent = try Descriptor.folder(path)
    // The same name each time, since folders have no lock: what a crash left, or what another
    // process makes at this moment, serves as well as a new one.
    let temporary = Self.temporaryName(for: name, number: 0)
    let subject = full(name)
    try step("mkdir", name)
    do throws(HostError) {
      try Descriptor.call("make the folder", subject) {
        unsafe mkdirat(parent.raw, temporary, 0o700)
      }
    } catch {
      if error.code != .alreadyExists { throw error }
    }
    do throws(HostError) {
      let new = try parent.open(
        temporary, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, operation: "open the folder",
        subject: subject)
      try apply(attributes, to: new, name)
      try step("rename", name)
      try Self.rename(temporary, toNew: name, in: parent, subject)
    } catch {
      discard(temporary, in: parent, as: name, flags: AT_REMOVEDIR)
      // Somebody was faster.
      guard let number = error.errnoCode, [ENOENT, ENOTEMPTY, EEXIST].contains(number),
        unsafe faccessat(parent.raw, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0
      else { throw error }
      return
    }
    try sync(parent)
  }

  /// Renames to a name that is not taken.
  ///
  /// A plain rename would replace an empty folder that another process has made since we looked,
  /// while that process is about to make something in it.
  private static func rename(
    _ old: String, toNew new: String, in folder: borrowing Descriptor, _ subject: String
  ) throws(HostError) {
    let raw = folder.raw
    do throws(HostError) {
      try Descriptor.call("make the folder", subject) {
        unsafe certctl_rename_new(raw, old, new)
      }
    } catch {
      // Not every file system can.
      guard error.errnoCode == EINVAL || error.errnoCode == ENOSYS else { throw error }
      try Descriptor.call("make the folder", subject) { unsafe renameat(raw, old, raw, new) }
    }
  }

  /// Makes what was changed in this folder survive a crash.
  package func sync() throws(HostError) {
    try sync(try Descriptor.folder(path))
  }

  /// The names in the folder, in order, without temporary ones; none when it is not there.
  package func entries() throws(HostError) -> [String] {
    do throws(HostError) {
      return try Descriptor.folder(path).names(subject: path).filter { !Self.isTemporary($0) }
    } catch {
      if error.code == .notFound { return [] }
      throw error
    }
  }

  /// Reads a file; nil when it is not there.
  ///
  /// - Throws: `HostError`; `.fileTooLarge` beyond `limit` bytes.
  package func read(_ name: String, limit: Int = 1 << 20) throws(HostError) -> [UInt8]? {
    try read(name, limit: limit) { _ in }
  }

  /// Reads a file that must be this user's or root's, and nobody else's to write: a secret.
  ///
  /// - Returns: The bytes, and whether everybody may read them; nil when it is not there.
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
        // Without O_NONBLOCK a FIFO under this name would be waited for.
        : try folder.open(name, O_RDONLY | O_NONBLOCK, operation: "read", subject: subject)
      let status = try file.status(subject: subject)
      guard status.st_mode & S_IFMT == S_IFREG else {
        throw HostError(.io, operation: "read", subject: subject, detail: "it is no regular file")
      }
      try check(status)
      return try file.read(limit: limit, subject: subject)
    } catch {
      if error.code == .notFound { return nil }
      throw error
    }
  }

  /// Mode and owner of a file or folder, not of what a link points to; nil when it is not there.
  package func attributes(of name: String) throws(HostError) -> FileAttributes? {
    try check(name)
    var status = stat()
    do throws(HostError) {
      try Descriptor.call("look at", full(name)) { unsafe lstat(full(name), &status) }
    } catch {
      if error.code == .notFound { return nil }
      throw error
    }
    return FileAttributes(
      mode: UInt32(status.st_mode & 0o7777), owner: status.st_uid, group: status.st_gid)
  }

  /// Where a symbolic link points; nil when it is not there.
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
  /// The path of `name` in this folder.
  func full(_ name: String) -> String { path == "/" ? "/\(name)" : "\(path)/\(name)" }

  /// The path of `name`, or of the folder itself, relative to the root.
  func label(_ name: String?) -> String {
    let whole = name.map(full) ?? path
    if whole == root { return "." }
    return whole.hasPrefix(root + "/") ? String(whole.dropFirst(root.count + 1)) : whole
  }

  /// Passes the fault point of one system call.
  func step(_ operation: String, _ name: String?) throws(HostError) {
    try FaultPoint.step("\(operation) \(label(name))")
  }

  /// Refuses names that lead elsewhere.
  func check(_ name: String) throws(HostError) {
    guard isSafeComponent(name) else {
      throw HostError(
        .unsafePath, operation: "use the name", subject: name, detail: "it is no plain file name")
    }
  }

  /// Syncs an open folder.
  func sync(_ folder: borrowing Descriptor) throws(HostError) {
    try step("fsync", nil)
    let raw = folder.raw
    do throws(HostError) {
      try Descriptor.call("sync the folder", path) { fsync(raw) }
    } catch {
      // Some network file systems know no sync of folders.
      if error.errnoCode != EINVAL { throw error }
    }
  }

  /// Sets owner, then mode (a change of owner clears mode bits), and syncs.
  func apply(
    _ attributes: FileAttributes, to file: borrowing Descriptor, _ name: String
  ) throws(HostError) {
    let raw = file.raw
    let subject = full(name)
    if attributes.owner != nil || attributes.group != nil {
      try step("chown", name)
      // -1 means "leave it".
      try Descriptor.call("set the owner of", subject) {
        fchown(raw, attributes.owner ?? .max, attributes.group ?? .max)
      }
    }
    try step("chmod", name)
    try Descriptor.call("set the mode of", subject) { fchmod(raw, attributes.mode & 0o7777) }
    try step("fsync", name)
    try Descriptor.call("sync", subject) { fsync(raw) }
  }

  /// Removes what a failed change leaves; the failure itself is the news.
  func discard(
    _ temporary: String, in folder: borrowing Descriptor, as name: String, flags: Int32 = 0
  ) {
    do throws(HostError) {
      try step("unlink", name)
      _ = unsafe unlinkat(folder.raw, temporary, flags)
    } catch {}
  }

  /// A name under which `name` is made or removed: `.tmp-`, thirteen digits, and `name` itself.
  static func temporaryName(
    for name: String, number: UInt64 = .random(in: 0 ... .max)
  ) -> String {
    let digits = String(number, radix: 36)
    let zeros = String(repeating: "0", count: max(0, 13 - digits.count))
    let temporary = ".tmp-\(zeros)\(digits)-\(name)"
    return temporary.utf8.count <= 255 ? temporary : ".tmp-\(zeros)\(digits)"
  }

  static func isTemporary(_ name: String) -> Bool { name.hasPrefix(".tmp-") }

  /// Whether `temporary` is a temporary name for `name`.
  static func isTemporary(_ temporary: String, for name: String) -> Bool {
    isTemporary(temporary) && temporary.utf8.dropFirst(5 + 13).elementsEqual("-\(name)".utf8)
  }

  /// The parent of a path and its last component.
  static func split(_ path: String) -> (parent: String, name: String?) {
    guard let slash = path.lastIndex(of: "/") else { return (".", path) }
    let parent = path[..<slash]
    return (parent.isEmpty ? "/" : String(parent), String(path[path.index(after: slash)...]))
  }
}
