internal import Glibc

/// What is mounted on this host.
enum MountTable {
  /// The number of the user whose process serves the file system with this number (FUSE); nil for
  /// all other file systems.
  ///
  /// Such a process answers whatever it likes when a file's owner and mode are asked for. Blocks.
  static func server(of device: dev_t) -> UInt32? {
    let number = UInt64(device)
    let major = (number >> 8) & 0xfff | (number >> 32) & ~0xfff
    let minor = number & 0xff | (number >> 12) & ~0xff
    // One with a device of its own is not served by a process.
    guard major == 0, let table = RegularFile.read("/proc/self/mountinfo", limit: 16 << 20) else {
      return nil
    }
    return server(in: String(decoding: table, as: UTF8.self), device: "\(major):\(minor)")
  }

  /// The same from the text of `mountinfo`: "36 35 0:52 / /mnt rw - fuse.x x rw,user_id=1000".
  static func server(in table: String, device: String) -> UInt32? {
    for line in table.split(separator: "\n") {
      let words = line.split(separator: " ")
      guard words.count > 6, words[2] == device, let dash = words.firstIndex(of: "-"),
        words[dash...].dropFirst().first?.hasPrefix("fuse") == true
      else { continue }
      let given = words.last?.split(separator: ",").first { $0.hasPrefix("user_id=") }
      // One that does not say it is nobody's whom we know.
      return given.flatMap { UInt32($0.dropFirst("user_id=".count)) } ?? .max
    }
    return nil
  }
}
