internal import Glibc

/// The users and groups of this machine.
package enum SystemAccount {
  /// Whether this process runs as root.
  package static var isRoot: Bool { geteuid() == 0 }

  /// The effective user number of this process.
  package static var current: UInt32 { geteuid() }

  /// Returns the number of a user; nil if there is no such user.
  package static func userID(named name: String) -> UInt32? {
    var entry = unsafe passwd()
    var found: UnsafeMutablePointer<passwd>?
    var buffer = [CChar](repeating: 0, count: 16384)
    // The re-entrant function, because other threads may look up names too.
    guard unsafe getpwnam_r(name, &entry, &buffer, buffer.count, &found) == 0,
      let account = unsafe found
    else { return nil }
    return unsafe account.pointee.pw_uid
  }

  /// Returns the number of a group; nil if there is no such group.
  package static func groupID(named name: String) -> UInt32? {
    var entry = unsafe group()
    var found: UnsafeMutablePointer<group>?
    var buffer = [CChar](repeating: 0, count: 65536)
    guard unsafe getgrnam_r(name, &entry, &buffer, buffer.count, &found) == 0,
      let account = unsafe found
    else { return nil }
    return unsafe account.pointee.gr_gid
  }

  /// Returns a user's title for messages: "mallory (1001)", or "user 1001" for one without a name.
  package static func userTitle(_ number: UInt32) -> String {
    if number == 0 { return "root" }
    return userName(number).map { "\($0) (\(number))" } ?? "user \(number)"
  }

  /// Returns the name of a user; nil if there is no such user.
  package static func userName(_ number: UInt32) -> String? {
    entry(of: number)?.name
  }

  /// Returns the home directory of a user; nil if there is no such user.
  static func home(of number: UInt32) -> String? { entry(of: number)?.home }

  private static func entry(of number: UInt32) -> (name: String, home: String)? {
    var entry = unsafe passwd()
    var found: UnsafeMutablePointer<passwd>?
    var buffer = [CChar](repeating: 0, count: 16384)
    guard unsafe getpwuid_r(number, &entry, &buffer, buffer.count, &found) == 0,
      let account = unsafe found
    else { return nil }
    return unsafe (
      String(cString: account.pointee.pw_name), String(cString: account.pointee.pw_dir)
    )
  }
}
