internal import Glibc

/// A program that nobody but root and the running user could have put where it is, or changed.
///
/// Each folder and symbolic link on the way to the file is looked at, and the file itself: all must
/// belong to root or to the running user, and neither group nor others may write to them. A folder
/// with the sticky bit, such as `/tmp`, may be passed through, because what lies in it can be
/// replaced by its owner only; it must not hold the file itself.
package struct TrustedProgram: Sendable {
  /// The path without symbolic links.
  package let resolvedPath: String

  /// Checks the file at an absolute path.
  ///
  /// Blocks. As nobody else can change anything on the way, the answer stays true until the program
  /// is started.
  ///
  /// - Parameters:
  ///   - path: The path.
  ///   - isRun: Whether it has to be executable; false for a script that a shell reads.
  /// - Throws: `HostError` with code `unsafePath` when somebody else could change it,
  ///   `permissionDenied` when it is not executable, or what the system says.
  package init(_ path: String, isRun: Bool = true) throws(HostError) {
    try self.init(path, trusting: [0, geteuid()], isRun: isRun)
  }

  init(_ path: String, trusting owners: Set<UInt32>, isRun: Bool = true) throws(HostError) {
    guard path.hasPrefix("/"), !path.utf8.contains(0) else {
      throw HostError(
        .unsafePath, operation: "trust", subject: path, detail: "the path is not absolute")
    }
    var walk = Walk(path: path, owners: owners)
    resolvedPath = try walk.run()
    guard unsafe !isRun || access(path, X_OK) == 0 else {
      throw HostError(
        .permissionDenied, operation: "run", subject: path, detail: "it is not executable",
        hint: "chmod +x \(path)")
    }
  }

  /// The way to a file, component by component.
  private struct Walk {
    let path: String
    let owners: Set<UInt32>
    var here = ""
    var rest: [Substring]
    var links = 0

    init(path: String, owners: Set<UInt32>) {
      self.path = path
      self.owners = owners
      rest = path.split(separator: "/")[...].reversed()
    }

    /// Returns the path that the way ended at.
    mutating func run() throws(HostError) -> String {
      try checkPassage(status(of: "/"), "/")
      while let name = rest.popLast() {
        if name == "." { continue }
        if name == ".." {
          here = here.lastIndex(of: "/").map { String(here[..<$0]) } ?? ""
          continue
        }
        let next = "\(here)/\(name)"
        let status = try status(of: next)
        if status.st_mode & S_IFMT == S_IFLNK {
          try follow(next, status)
        } else if status.st_mode & S_IFMT == S_IFDIR, !rest.isEmpty {
          try checkPassage(status, next)
          here = next
        } else {
          guard rest.isEmpty, status.st_mode & S_IFMT == S_IFREG else {
            throw refused("\(next) is not a file")
          }
          let folder = here.isEmpty ? "/" : here
          try check(self.status(of: folder), folder)
          try check(status, next)
          return next
        }
      }
      throw refused("it is a folder")
    }

    private mutating func follow(_ link: String, _ status: stat) throws(HostError) {
      links += 1
      guard links <= 40 else { throw refused("too many symbolic links") }
      try checkOwner(status, link)
      let folder = DurableFolder(path: here.isEmpty ? "/" : here, root: "/")
      guard let name = link.split(separator: "/").last,
        let target = try folder.linkTarget(String(name))
      else { throw refused("\(link) changed") }
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
      throw refused(
        "\(path) can be written by \(who) (mode \(mode))", hint: "chmod go-w \(path)")
    }

    private func checkOwner(_ status: stat, _ path: String) throws(HostError) {
      guard !owners.contains(status.st_uid) else { return }
      throw refused(
        "\(path) belongs to user \(status.st_uid), who is neither root nor the one who runs certctl",
        hint: "chown root \(path)")
    }

    private func refused(_ detail: String, hint: String? = nil) -> HostError {
      HostError(.unsafePath, operation: "trust", subject: path, detail: detail, hint: hint)
    }
  }
}
