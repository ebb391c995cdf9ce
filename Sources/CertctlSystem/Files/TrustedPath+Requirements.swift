package import CertctlBase
internal import Glibc

/// What certctl demands of the files that it obeys.
extension TrustedPath {
  /// Checks that nobody else decides what stands at a path: a configuration, or a state directory.
  ///
  /// As root everything on the way counts, because whoever owns a folder can put another file there.
  /// An ordinary user may have a home folder that a group can write, so there only the end counts.
  /// Where nothing is, nothing is wrong. Blocks.
  ///
  /// - Returns: Whether anything is there; what was not there must not be used a moment later.
  /// - Throws: `HostError` with code `unsafePath`, or what the system says.
  @discardableResult
  package static func require(_ path: String, _ kind: Kind) throws(HostError) -> Bool {
    if geteuid() == 0 { return try ifPresent(path, kind) != nil }
    try requireOwn(path)
    return FileFacts(path: path) != nil
  }

  /// Checks the file at the end of a path alone: it must be this user's or root's, and nobody else's to
  /// write.
  ///
  /// Where nothing is, nothing is wrong. Blocks.
  ///
  /// - Throws: `HostError` with code `unsafePath`.
  package static func requireOwn(_ path: String) throws(HostError) {
    if let facts = FileFacts(path: path) { try requireOwn(path, facts) }
  }

  static func requireOwn(_ path: String, _ facts: FileFacts) throws(HostError) {
    let refuse = { (detail: String, hint: String) in
      HostError(.unsafePath, operation: "trust", subject: path, detail: detail, hint: hint)
    }
    guard facts.owner == 0 || facts.owner == geteuid() else {
      throw refuse(
        "\(path) belongs to \(SystemAccount.userTitle(facts.owner))",
        "chown \(geteuid() == 0 ? "root" : "\(geteuid())") \(path)")
    }
    let isOpen = facts.mode & 0o002 != 0
    guard isOpen || facts.mode & 0o020 != 0 && facts.group != 0 && facts.group != getegid() else {
      return
    }
    throw refuse(
      "\(path) can be written by \(isOpen ? "everybody" : "its group") "
        + "(mode \(String(facts.mode, radix: 8)))",
      "chmod go-w \(path)")
  }

  /// The user whose folder a path lies in, or who owns it, if that is neither root nor this one.
  package static func foreignOwner(of path: String) -> UInt32? {
    var path = path
    while !path.isEmpty {
      if let owner = FileFacts(path: path)?.owner, owner != 0, owner != geteuid() { return owner }
      path = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
    }
    return nil
  }
}
