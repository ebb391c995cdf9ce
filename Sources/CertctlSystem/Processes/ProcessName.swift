internal import CertctlBase
internal import Glibc

/// What other processes are called.
enum ProcessName {
  /// The command line of a process, or its short name; nil when it is gone.
  ///
  /// Any process may call itself anything, so control characters are escaped here already.
  static func command(of pid: Int32) -> String? {
    for file in ["cmdline", "comm"] {
      let folder = DurableFolder(path: "/proc/\(pid)", root: "/proc")
      guard let bytes = try? folder.read(file, limit: 1 << 16), !bytes.isEmpty else { continue }
      let words = bytes.split { $0 == 0 || $0 == UInt8(ascii: "\n") }
        .map { String(decoding: $0, as: UTF8.self) }
      return escapedForTerminal(String(words.joined(separator: " ").prefix(200)))
    }
    return nil
  }
}
