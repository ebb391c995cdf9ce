internal import Glibc

/// The users and groups of this machine, by name.
package enum SystemAccount {
  /// Whether this process is root's.
  package static var isRoot: Bool { geteuid() == 0 }

  /// The number of the user with whose rights this process acts.
  package static var current: UInt32 { geteuid() }

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

  /// What a user is called in messages: "mallory (1001)", or "user 1001" for one without a name.
  package static func userTitle(_ number: UInt32) -> String {
    if number == 0 { return "root" }
    return userName(number).map { "\($0) (\(number))" } ?? "user \(number)"
  }

  /// The name of a user; nil when there is none of that number.
  package static func userName(_ number: UInt32) -> String? {
    entry(of: number)?.name
  }

  /// The home folder of a user; nil when there is no user of that number.
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
