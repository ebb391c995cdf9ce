internal import Glibc

/// The mounted file systems of this host.
enum MountTable {
  /// Returns the user number of the process that serves a FUSE file system; nil for other file
  /// systems.
  ///
  /// Such a process can report any owner and mode for a file. Blocks.
  static func server(of device: dev_t) -> UInt32? {
    let number = UInt64(device)
    let major = (number >> 8) & 0xfff | (number >> 32) & ~0xfff
    let minor = number & 0xff | (number >> 12) & ~0xff
    // A file system with a block device is not FUSE.
    guard major == 0, let table = RegularFile.read("/proc/self/mountinfo", limit: 16 << 20) else {
      return nil
    }
    return server(in: String(decoding: table, as: UTF8.self), device: "\(major):\(minor)")
  }

  /// Searches the text of `mountinfo`: "36 35 0:52 / /mnt rw - fuse.x x rw,user_id=1000".
  static func server(in table: String, device: String) -> UInt32? {
    for line in table.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count > 6, words[2] == device, let dash = words.firstIndex(of: "-"),
        words[dash...].dropFirst().first?.hasPrefix("fuse") == true
      else { continue }
      let given = words.last?.split(separator: ",").first { $0.hasPrefix("user_id=") }
      // Without user_id the server is unknown, so trust nobody.
      return given.flatMap { UInt32($0.dropFirst("user_id=".count)) } ?? .max
    }
    return nil
  }
}
