internal import Glibc

/// The users and groups of this machine, by name.
package enum SystemAccount {
  /// Whether this process is root's.
  package static var isRoot: Bool { geteuid() == 0 }

  /// The number of a user; nil when there is none of that name.
  package static func userID(named name: String) -> UInt32? {
    var entry = unsafe passwd()
    var found: UnsafeMutablePointer<passwd>?
    var buffer = [CChar](repeating: 0, count: 16384)
    // The re-entrant form: other threads may look names up too.
    guard unsafe getpwnam_r(name, &entry, &buffer, buffer.count, &found) == 0,
      let account = unsafe found
    else { return nil }
    return unsafe account.pointee.pw_uid
  }

  /// The number of a group; nil when there is none of that name.
  package static func groupID(named name: String) -> UInt32? {
    var entry = unsafe group()
    var found: UnsafeMutablePointer<group>?
    var buffer = [CChar](repeating: 0, count: 65536)
    guard unsafe getgrnam_r(name, &entry, &buffer, buffer.count, &found) == 0,
      let account = unsafe found
    else { return nil }
    return unsafe account.pointee.gr_gid
  }
}
