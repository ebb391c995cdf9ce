package import CertctlBase
internal import Glibc

/// A path that nobody but root and the running user could have chosen or changed.
///
/// Every folder and symbolic link on the way is checked, and the file itself: all must belong to root
/// or to the running user, and neither group nor others may write to them. The way may pass through a
/// folder with the sticky bit, such as `/tmp`, because only the owner of an entry can replace it there;
/// such a folder must not hold the file itself.
///
/// As nobody else can change anything on the way, the answer stays true until the path is used.
package struct TrustedPath: Sendable, Equatable {
  /// What is expected at the end of a path.
  package enum Kind: Sendable {
    /// A file that is executed.
    case program
    /// A file that holds code, or names some: a module, a script for a shell, nginx's configuration.
    case file
    /// A file of settings, which may lie in a folder with the sticky bit: nobody else can replace
    /// there what is root's.
    case settings
    /// A folder.
    case folder
    /// A socket; whoever may write to it may connect, and cannot replace it.
    case socket
  }

  /// Which file was checked: it changes when the file is replaced, written or given away.
  package struct Stamp: Sendable, Hashable, Codable {
    /// The number of the file system.
    package let device: UInt64
    /// The number of the file on it.
    package let inode: UInt64
    /// When content, mode or owner last changed, in nanoseconds since 1970.
    package let changed: Int64

    init(_ status: stat) {
      device = UInt64(status.st_dev)
      inode = UInt64(status.st_ino)
      changed = Int64(status.st_ctim.tv_sec) * 1_000_000_000 + Int64(status.st_ctim.tv_nsec)
    }
  }

  /// The path without symbolic links.
  package let resolvedPath: String
  /// Which file it is.
  package let stamp: Stamp
  /// Its permission bits.
  package let mode: UInt32
  /// The number of its group.
  package let group: UInt32

  /// Checks an absolute path; blocks.
  ///
  /// - Parameters:
  ///   - path: The path.
  ///   - kind: What must be there.
  /// - Throws: `HostError` with code `unsafePath` when somebody else could change it, `notFound` when
  ///   nothing is there, `permissionDenied` when it is a program that is not executable.
  package init(_ path: String, _ kind: Kind) throws(HostError) {
    try self.init(path, kind, trusting: [0, geteuid()])
  }

  init(_ path: String, _ kind: Kind, trusting owners: Set<UInt32>) throws(HostError) {
    guard path.hasPrefix("/"), !path.utf8.contains(0) else {
      throw HostError(
        .unsafePath, operation: "trust", subject: path, detail: "the path is not absolute")
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
        hint: "chmod +x \(path)")
    }
  }

  /// Checks a path where nothing may be yet; nil when nothing is.
  ///
  /// Then the folders that are there have been checked, so that nobody else can put anything there.
  ///
  /// - Throws: `HostError` as ``init(_:_:)`` does, but for `notFound`.
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

  /// Whether everybody may read the file.
  package var isReadableByAll: Bool { mode & 0o004 != 0 }
}

/// The way to a file, component by component.
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

  /// Returns where the way ended, and what is there.
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
        // Nobody may put a program there a moment later.
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
        guard rest.isEmpty else { throw refused("\(next) is not a folder") }
        try checkMount(status, next)
        // What lies in a folder that others may write can be replaced by them, sticky or not.
        if kind == .settings { try checkPassage(last, folder) } else { try check(last, folder) }
        try checkEnd(status, next)
        return (next, status)
      }
    }
    guard kind == .folder else { throw refused("it is a folder") }
    try check(last, folder)
    return (folder, last)
  }

  private var folder: String { here.isEmpty ? "/" : here }

  private func checkEnd(_ status: stat, _ path: String) throws(HostError) {
    switch kind {
    case .folder: throw refused("it is not a folder")
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
    guard let target = FileFacts.target(ofLink: link) else { throw refused("\(link) changed") }
    if target.hasPrefix("/") { here = "" }
    rest += target.split(separator: "/").reversed()
  }

  private func status(of path: String) throws(HostError) -> stat {
    var status = stat()
    try Descriptor.call("look at", path) { unsafe lstat(path, &status) }
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
    // Folders such as /tmp have to stay open to all.
    let isShared = status.st_mode & S_ISVTX != 0
    throw refused(
      "\(path) can be written by \(who) (mode \(mode))",
      hint: isShared ? Self.elsewhere : "chmod go-w \(path)")
  }

  private func checkOwner(_ status: stat, _ path: String) throws(HostError) {
    guard !owners.contains(status.st_uid) else { return }
    let trusted = owners.contains(geteuid()) && geteuid() != 0 ? "root or this user" : "root"
    throw refused(
      "\(path) belongs to \(SystemAccount.userTitle(status.st_uid)), not to \(trusted)",
      // To give a whole home folder to root is no good advice.
      // To give a home folder to root is no good advice.
      hint: path.hasPrefix("/home/") || path == SystemAccount.home(of: status.st_uid)
        ? Self.elsewhere : "chown root \(path)")
  }

  /// Refuses a file system that another user serves: it can claim any owner and any content.
  private mutating func checkMount(_ status: stat, _ path: String) throws(HostError) {
    guard device != status.st_dev else { return }
    device = status.st_dev
    guard let owner = MountTable.server(of: status.st_dev), !owners.contains(owner)
    else { return }
    throw refused(
      "\(path) is a file system that \(SystemAccount.userTitle(owner)) serves",
      hint: "move the file to a file system of this machine")
  }

  private static let elsewhere = "move it to where only root can write, such as /etc/certctl"

  private func refused(_ detail: String, hint: String? = nil) -> HostError {
    HostError(.unsafePath, operation: "trust", subject: path, detail: detail, hint: hint)
  }
}
