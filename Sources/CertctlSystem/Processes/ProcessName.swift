internal import Glibc

/// The names of other processes.
enum ProcessName {
  /// Returns the command line of a process, or its short name; nil if it has ended.
  ///
  /// A process can choose any name; the result is a single line, because it is written to lock
  /// files.
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
