import CertctlBase
internal import Glibc

/// The process that listens on a TCP port of this host.
package enum PortHolder {
  /// Returns the process, as far as `/proc` reveals it; nil if none is found.
  package static func find(port: Int) -> (pid: Int32, command: String)? {
    let sockets = Set(["tcp", "tcp6"].flatMap { listening(in: $0, port) })
    guard !sockets.isEmpty else { return nil }
    let names = (try? Descriptor.folder("/proc").names(subject: "/proc")) ?? []
    // A server's master has a lower number than its workers, which hold the same socket.
    for pid in names.compactMap({ Int32($0) }).sorted() {
      let folder = DurableFolder(path: "/proc/\(pid)/fd", root: "/proc")
      guard let files = try? folder.entries() else { continue }
      if files.contains(where: { sockets.contains((try? folder.linkTarget($0)) ?? "") }) {
        return (pid, ProcessName.command(of: pid) ?? "?")
      }
    }
    return nil
  }

  /// Returns whether another process of the same program listens on the port.
  @Disk package static func isAnotherOfUs(port: Int) -> Bool {
    guard let holder = find(port: port), holder.pid != getpid() else { return false }
    let names = [holder.pid, getpid()].map { pid in
      try? DurableFolder(path: "/proc/\(pid)", root: "/proc").read("comm", limit: 64)
    }
    return names[0] != nil && names[0] == names[1]
  }

  /// Returns the link texts of the sockets that listen on the port, such as "socket:[1234]".
  private static func listening(in table: String, _ port: Int) -> [String] {
    let folder = DurableFolder(path: "/proc/net", root: "/proc")
    guard let bytes = try? folder.read(table, limit: 64 << 20) else { return [] }
    return String(decoding: bytes, as: UTF8.self).split(separator: "\n").dropFirst()
      .compactMap { line in
        // sl local_address rem_address st tx:rx tr:when retrnsmt uid timeout inode
        let words = line.split(separator: " ")
        guard words.count > 9, words[3] == "0A", let colon = words[1].lastIndex(of: ":"),
          Int(words[1][words[1].index(after: colon)...], radix: 16) == port
        else { return nil }
        return "socket:[\(words[9])]"
      }
  }
}
