package import CertctlBase
internal import Glibc

/// The requirements for files whose contents certctl obeys.
extension TrustedPath {
  /// Checks that no other user controls a path: a configuration, or a state directory.
  ///
  /// For root the whole path counts, because the owner of a directory can replace any file in it.
  /// An ordinary user may have a home directory that a group can write, so there only the file
  /// itself counts. A missing file is accepted. Blocks.
  ///
  /// - Returns: Whether the path exists; if not, it must not be used a moment later.
  /// - Throws: `HostError` with code `unsafePath`, or the system's error.
  @discardableResult
  package static func require(_ path: String, _ kind: Kind) throws(HostError) -> Bool {
    if geteuid() == 0 { return try ifPresent(path, kind) != nil }
    try requireOwn(path)
    return FileFacts(path: path) != nil
  }

  /// Checks only the file itself: it must belong to this user or root, and others must not be able
  /// to write to it.
  ///
  /// A missing file is accepted. Blocks.
  ///
  /// - Throws: `HostError` with code `unsafePath`.
  package static func requireOwn(_ path: String) throws(HostError) {
    if let facts = FileFacts(path: path) { try requireOwn(path, facts) }
  }

  static func requireOwn(_ path: String, _ facts: FileFacts) throws(HostError) {
    let refuse = { (detail: String, hint: String) in
      // The detail names the path.
      HostError(.unsafePath, operation: "trust the file", detail: detail, hint: hint)
    }
    guard facts.owner == 0 || facts.owner == geteuid() else {
      throw refuse(
        "\(path) belongs to \(SystemAccount.userTitle(facts.owner))",
        "run: chown \(geteuid() == 0 ? "root" : "\(geteuid())") \(path)")
    }
    let isOpen = facts.mode & 0o002 != 0
    guard isOpen || facts.mode & 0o020 != 0 && facts.group != 0 && facts.group != getegid() else {
      return
    }
    throw refuse(
      "\(path) can be written by \(isOpen ? "everybody" : "its group") "
        + "(mode \(String(facts.mode, radix: 8)))",
      "run: chmod go-w \(path)")
  }

  /// Returns the owner of the path, or of a parent directory, if that is neither root nor this
  /// user.
  package static func foreignOwner(of path: String) -> UInt32? {
    var path = path
    while !path.isEmpty {
      if let owner = FileFacts(path: path)?.owner, owner != 0, owner != geteuid() { return owner }
      path = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
    }
    return nil
  }
}
