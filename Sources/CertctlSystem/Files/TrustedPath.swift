package import CertctlBase
internal import Glibc

/// A path that only root and the running user can have chosen or changed.
///
/// Every directory and symbolic link on the path is checked, and the file itself: all must belong
/// to root or to the running user, and neither group nor others may write to them. A directory on
/// the path may have the sticky bit, such as `/tmp`, because only the owner of an entry can replace
/// it there. The file's own directory must not.
///
/// As nobody else can change anything on the path, the result stays true until the path is used.
package struct TrustedPath: Sendable, Equatable {
  /// The expected kind of file.
  package enum Kind: Sendable {
    /// A program to execute.
    case program
    /// A file that contains or names code: a module, a shell script, nginx's configuration.
    case file
    /// A file of settings, whose directory may have the sticky bit: others cannot replace root's
    /// files there.
    case settings
    /// A directory.
    case folder
    /// A socket; users with write permission can connect to it but not replace it.
    case socket
  }

  /// The stamp of a checked file, which changes when the file is replaced, written or gets a new
  /// owner.
  package struct Stamp: Sendable, Hashable, Codable {
    /// The number of the file system.
    package let device: UInt64
    /// The inode number.
    package let inode: UInt64
    /// The time of the last change of contents, mode or owner, in nanoseconds since 1970.
    package let changed: Int64

    init(_ status: stat) {
      device = UInt64(status.st_dev)
      inode = UInt64(status.st_ino)
      changed = Int64(status.st_ctim.tv_sec) * 1_000_000_000 + Int64(status.st_ctim.tv_nsec)
    }
  }

  /// The path without symbolic links.
  package let resolvedPath: String
  /// The identity of the file.
  package let stamp: Stamp
  /// The permission bits.
  package let mode: UInt32
  /// The group number.
  package let group: UInt32

  /// Checks an absolute path; blocks.
  ///
  /// - Parameters:
  ///   - path: The path.
  ///   - kind: The expected kind of file.
  /// - Throws: `HostError` with code `unsafePath` if another user could change it, `notFound` if it
  ///   does not exist, `permissionDenied` for a program that is not executable.
  package init(_ path: String, _ kind: Kind) throws(HostError) {
    try self.init(path, kind, trusting: [0, geteuid()])
  }

  init(_ path: String, _ kind: Kind, trusting owners: Set<UInt32>) throws(HostError) {
    guard path.hasPrefix("/"), !path.utf8.contains(0) else {
      throw HostError(
        .unsafePath, operation: "trust the path", subject: path, detail: "the path is not absolute")
    }
    var walk = TrustedWalk(path: path, kind: kind, owners: owners)
    let end = try walk.run()
    resolvedPath = end.path
    stamp = Stamp(end.status)
    mode = UInt32(end.status.st_mode & 0o7777)
    group = end.status.st_gid
    guard unsafe kind != .program || access(path, X_OK) == 0 else {
      throw HostError(
        .permissionDenied, operation: "run", subject: path, detail: "it is not executable",
        hint: "run: chmod +x \(path)")
    }
  }

  /// Checks a path that may not exist; returns nil if it does not.
  ///
  /// In that case its existing directories have been checked, so that no other user can create it.
  ///
  /// - Throws: `HostError` like ``init(_:_:)``, except for `notFound`.
  package static func ifPresent(
    _ path: String, _ kind: Kind
  ) throws(HostError) -> TrustedPath? {
    do throws(HostError) {
      return try TrustedPath(path, kind)
    } catch {
      if error.code == .notFound { return nil }
      throw error
    }
  }

  /// Whether everybody can read the file.
  package var isReadableByAll: Bool { mode & 0o004 != 0 }
}

/// A walk along a path, component by component.
private struct TrustedWalk {
  let path: String
  let kind: TrustedPath.Kind
  let owners: Set<UInt32>
  private var here = ""
  private var rest: [Substring]
  private var links = 0
  private var device: dev_t?

  init(path: String, kind: TrustedPath.Kind, owners: Set<UInt32>) {
    self.path = path
    self.kind = kind
    self.owners = owners
    rest = path.split(separator: "/")[...].reversed()
  }

  /// Walks to the end of the path; returns the resolved path and the status.
  mutating func run() throws(HostError) -> (path: String, status: stat) {
    var last = try status(of: "/")
    try checkPassage(last, "/")
    while let name = rest.popLast() {
      if name == "." { continue }
      if name == ".." {
        here = here.lastIndex(of: "/").map { String(here[..<$0]) } ?? ""
        last = try status(of: folder)
        continue
      }
      let next = "\(here)/\(name)"
      let status: stat
      do throws(HostError) {
        status = try self.status(of: next)
      } catch {
        // Nobody else may be able to create the program a moment later.
        if error.code == .notFound, kind == .program || kind == .file { try check(last, folder) }
        throw error
      }
      if status.st_mode & S_IFMT == S_IFLNK {
        try follow(next, status)
        last = try self.status(of: folder)
      } else if status.st_mode & S_IFMT == S_IFDIR {
        try checkMount(status, next)
        if !rest.allSatisfy({ $0 == "." }) { try checkPassage(status, next) }
        here = next
        last = status
      } else {
        guard rest.isEmpty else { throw refused("\(next) is not a directory") }
        try checkMount(status, next)
        // Users who can write to a directory can replace its entries; settings may be in a sticky
        // one.
        if kind == .settings { try checkPassage(last, folder) } else { try check(last, folder) }
        try checkEnd(status, next)
        return (next, status)
      }
    }
    guard kind == .folder else { throw refused("it is a directory") }
    try check(last, folder)
    return (folder, last)
  }

  private var folder: String { here.isEmpty ? "/" : here }

  private func checkEnd(_ status: stat, _ path: String) throws(HostError) {
    switch kind {
    case .folder: throw refused("it is not a directory")
    case .socket:
      guard status.st_mode & S_IFMT == S_IFSOCK else { throw refused("it is not a socket") }
      try checkOwner(status, path)
    case .program, .file, .settings:
      guard status.st_mode & S_IFMT == S_IFREG else { throw refused("\(path) is not a file") }
      try check(status, path)
    }
  }

  private mutating func follow(_ link: String, _ status: stat) throws(HostError) {
    links += 1
    guard links <= 40 else { throw refused("too many symbolic links") }
    try checkOwner(status, link)
    guard let target = FileFacts.target(ofLink: link) else {
      throw refused("\(link) changed during the check")
    }
    if target.hasPrefix("/") { here = "" }
    rest += target.split(separator: "/").reversed()
  }

  private func status(of path: String) throws(HostError) -> stat {
    var status = stat()
    try Descriptor.call("access", path) { unsafe lstat(path, &status) }
    return status
  }

  private func checkPassage(_ status: stat, _ path: String) throws(HostError) {
    guard status.st_mode & S_ISVTX != 0 else { return try check(status, path) }
    try checkOwner(status, path)
  }

  private func check(_ status: stat, _ path: String) throws(HostError) {
    try checkOwner(status, path)
    guard status.st_mode & (S_IWGRP | S_IWOTH) != 0 else { return }
    let who = status.st_mode & S_IWOTH != 0 ? "everybody" : "its group"
    let mode = String(status.st_mode & 0o7777, radix: 8)
    // Directories such as /tmp must stay writable by all.
    let isShared = status.st_mode & S_ISVTX != 0
    throw refused(
      "\(path) can be written by \(who) (mode \(mode))",
      hint: isShared ? Self.elsewhere : "run: chmod go-w \(path)")
  }

  private func checkOwner(_ status: stat, _ path: String) throws(HostError) {
    guard !owners.contains(status.st_uid) else { return }
    let trusted = owners.contains(geteuid()) && geteuid() != 0 ? "root or this user" : "root"
    throw refused(
      "\(path) belongs to \(SystemAccount.userTitle(status.st_uid)), not to \(trusted)",
      // Do not suggest giving a home directory to root.
      hint: path.hasPrefix("/home/") || path == SystemAccount.home(of: status.st_uid)
        ? Self.elsewhere : "run: chown root \(path)")
  }

  /// Refuses a FUSE file system of another user, which can report any owner and any contents.
  private mutating func checkMount(_ status: stat, _ path: String) throws(HostError) {
    guard device != status.st_dev else { return }
    device = status.st_dev
    guard let owner = MountTable.server(of: status.st_dev), !owners.contains(owner)
    else { return }
    throw refused(
      "\(path) is on a FUSE file system of \(SystemAccount.userTitle(owner))",
      hint: "move the file to a local file system")
  }

  private static let elsewhere =
    "move it to a directory that only root can write to, such as /etc/certctl"

  private func refused(_ detail: String, hint: String? = nil) -> HostError {
    // Do not repeat a path that the detail already names.
    let subject = detail.hasPrefix("\(path) ") ? nil : path
    return HostError(
      .unsafePath, operation: "trust the path", subject: subject, detail: detail, hint: hint)
  }
}
