internal import Glibc

/// What other processes are called.
enum ProcessName {
  /// The command line of a process, or its short name; nil when it is gone.
  ///
  /// Any process may call itself anything; it stands in lock files, so it is always one line.
  static func command(of pid: Int32) -> String? {
    for file in ["cmdline", "comm"] {
      let folder = DurableFolder(path: "/proc/\(pid)", root: "/proc")
      guard let bytes = try? folder.read(file, limit: 1 << 16), !bytes.isEmpty else { continue }
      let words = bytes.split { $0 < 0x20 }.map { String(decoding: $0, as: UTF8.self) }
      return String(words.joined(separator: " ").prefix(200))
    }
    return nil
  }
}
