internal import Glibc

/// The identity with which a process accesses files, in user and group numbers of this host.
package struct ProcessIdentity: Sendable, Equatable {
  /// The user for file access.
  package var user: UInt32
  /// The groups.
  package var groups: Set<UInt32>
  /// Whether it can read all files (CAP_DAC_OVERRIDE or CAP_DAC_READ_SEARCH).
  package var readsEverything: Bool
  /// The users of this host that exist in its user namespace; nil for all.
  package var knownUsers: [ClosedRange<UInt32>]?

  /// Creates an identity.
  package init(
    user: UInt32, groups: Set<UInt32>, readsEverything: Bool,
    knownUsers: [ClosedRange<UInt32>]? = nil
  ) {
    self.user = user
    self.groups = groups
    self.readsEverything = readsEverything
    self.knownUsers = knownUsers
  }

  /// Returns whether it has the permission bits (4 read, 1 search) for a file of that owner and
  /// mode.
  package func may(_ bits: UInt32, owner: UInt32, group: UInt32, mode: UInt32) -> Bool {
    let isKnown = knownUsers.map { ranges in ranges.contains { $0.contains(owner) } } ?? true
    // The capability applies only to owners that exist in the user namespace.
    if readsEverything, isKnown { return true }
    if owner == user { return mode >> 6 & bits == bits }
    if groups.contains(group) { return mode >> 3 & bits == bits }
    return mode & bits == bits
  }
}

extension ProcessTable {
  /// Returns whether a process with this number is visible; blocks.
  package static func isThere(_ pid: Int32) -> Bool { !fields(of: pid).isEmpty }

  static func isStarted(_ pid: Int32, by ancestor: Int32) -> Bool {
    var next = pid
    for _ in 0..<64 where next > 1 {
      if next == ancestor { return true }
      next = fields(of: next)["PPid"].flatMap { Int32($0) } ?? 0
    }
    return false
  }

  /// Returns the identity with which a process accesses files; nil if it has ended or is hidden.
  package static func identity(of pid: Int32) -> ProcessIdentity? {
    let fields = fields(of: pid)
    // Real, effective, saved and file system IDs.
    let user = fields["Uid"].map(numbers)
    let group = fields["Gid"].map(numbers)
    guard let user, user.count == 4, let group, group.count == 4 else { return nil }
    let rights = fields["CapEff"].flatMap { UInt64($0, radix: 16) } ?? 0
    let overridesModes: UInt64 = 1 << 1
    let readsAndSearches: UInt64 = 1 << 2
    return ProcessIdentity(
      user: user[3], groups: Set(numbers(fields["Groups"] ?? "") + [group[3]]),
      readsEverything: rights & (overridesModes | readsAndSearches) != 0,
      knownUsers: users(of: pid))
  }

  /// Returns the users of this host in a user namespace; nil if it is this process's own namespace.
  private static func users(of pid: Int32) -> [ClosedRange<UInt32>]? {
    let map = text(of: pid, "uid_map")
    guard !map.isEmpty, map != text(of: getpid(), "uid_map") else { return nil }
    return map.split(separator: "\n").compactMap { line in
      let words = numbers(String(line))
      guard words.count == 3, words[2] > 0 else { return nil }
      return words[1]...(words[1] &+ (words[2] - 1))
    }
  }

  private static func numbers(_ text: String) -> [UInt32] {
    text.split { $0 == " " || $0 == "\t" }.compactMap { UInt32($0) }
  }

  /// Returns the fields of `/proc/…/status`.
  private static func fields(of pid: Int32) -> [String: String] {
    var fields: [String: String] = [:]
    for line in text(of: pid, "status").split(separator: "\n") {
      guard let colon = line.firstIndex(of: ":") else { continue }
      fields[String(line[..<colon])] =
        line[line.index(after: colon)...].drop { $0 == "\t" || $0 == " " }.description
    }
    return fields
  }

  private static func text(of pid: Int32, _ file: String) -> String {
    let folder = DurableFolder(path: "/proc/\(pid)", root: "/proc")
    return String(decoding: (try? folder.read(file, limit: 1 << 16)) ?? [], as: UTF8.self)
  }
}
