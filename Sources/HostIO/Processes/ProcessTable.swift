internal import Glibc

/// A process of this host, as `/proc` shows it to everybody.
package struct RunningProcess: Sendable, Equatable {
  /// Its number.
  package let pid: Int32
  /// Its command line, or what it calls itself, with spaces between the words.
  package let title: String
  /// The unit of systemd that it belongs to, such as `nginx.service`; nil when it has none.
  package let unit: String?
  /// Whether this process may send it signals: it is of the same user, or this one is root.
  package let isOurs: Bool

  /// Describes a process.
  package init(pid: Int32, title: String, unit: String? = nil, isOurs: Bool = true) {
    self.pid = pid
    self.title = title
    self.unit = unit
    self.isOurs = isOurs
  }
}

/// The processes of this host.
package enum ProcessTable {
  /// The processes whose title begins with `prefix`, by number; blocks.
  ///
  /// Those in a container are left out: their files are not ours. What is read here is shown to
  /// every user, so that it works in a sandbox too.
  package static func processes(titled prefix: String) -> [RunningProcess] {
    let names = (try? Descriptor.folder("/proc").names(subject: "/proc")) ?? []
    return names.compactMap { Int32($0) }.sorted().compactMap { pid in
      let folder = DurableFolder(path: "/proc/\(pid)", root: "/proc")
      guard let bytes = try? folder.read("cmdline", limit: 1 << 16),
        bytes.starts(with: prefix.utf8), !isInContainer(folder)
      else { return nil }
      let words = bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
      return RunningProcess(
        pid: pid, title: words.joined(separator: " ").trimmingSpaces, unit: unit(folder),
        isOurs: isOurs(folder))
    }
  }

  /// Whether it has another number in a namespace of its own.
  private static func isInContainer(_ folder: DurableFolder) -> Bool {
    let status = text(folder, "status").split(separator: "\n")
    guard let line = status.first(where: { $0.hasPrefix("NSpid:") }) else { return false }
    return line.split { $0 == " " || $0 == "\t" }.count > 2
  }

  private static func isOurs(_ folder: DurableFolder) -> Bool {
    // The owner of the folder is root where the process has more rights than its user.
    let line = text(folder, "status").split(separator: "\n").first { $0.hasPrefix("Uid:") }
    let real = line?.split { $0 == " " || $0 == "\t" }.dropFirst().first.flatMap { UInt32($0) }
    return geteuid() == 0 || real == geteuid()
  }

  private static func unit(_ folder: DurableFolder) -> String? {
    for line in text(folder, "cgroup").split(separator: "\n") {
      // "0::/system.slice/nginx.service", or with a controller's name between the colons.
      guard let name = line.split(separator: "/").last, name.hasSuffix(".service"),
        !line.contains("/user.slice/")
      else { continue }
      return String(name)
    }
    return nil
  }

  private static func text(_ folder: DurableFolder, _ file: String) -> String {
    String(decoding: (try? folder.read(file, limit: 1 << 16)) ?? [], as: UTF8.self)
  }
}

extension String {
  fileprivate var trimmingSpaces: String {
    String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }
}
