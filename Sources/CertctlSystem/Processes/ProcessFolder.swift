internal import CertctlBase
internal import Glibc

/// The directory of a process in `/proc`, held open: after the process has ended, reading fails,
/// and never returns data of another process with the same number.
struct ProcessFolder: ~Copyable {
  private let pid: Int32
  private let folder: Descriptor

  /// Opens the directory of a process; nil if there is no such process.
  init?(_ pid: Int32) {
    guard let folder = try? Descriptor.folder("/proc/\(pid)") else { return nil }
    self.pid = pid
    self.folder = folder
  }

  /// Returns the process, if its title begins with `prefix` and `isWanted` returns true.
  ///
  /// A process may change its title, program and rights at any time, so it is read until two reads
  /// agree. A process that keeps changing is skipped.
  func process(titled prefix: String, where isWanted: (borrowing ProcessFolder) -> Bool)
    -> RunningProcess?
  {
    for _ in 0..<5 {
      guard let before = read(titled: prefix), isWanted(self) else { return nil }
      if read(titled: prefix) == before { return before }
    }
    return nil
  }

  /// Whether it has another number in its own PID namespace.
  var isInContainer: Bool {
    (field("NSpid").map { $0.split { $0 == " " || $0 == "\t" }.count } ?? 0) > 1
  }

  private func read(titled prefix: String) -> RunningProcess? {
    guard let bytes = try? bytes("cmdline"), bytes.starts(with: prefix.utf8), let users,
      let started
    else { return nil }
    let words = bytes.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    return RunningProcess(
      pid: pid, title: words.joined(separator: " ").trimmingSpaces, unit: unit, users: users,
      program: program, started: started)
  }

  private var users: RunningProcess.Users? {
    let numbers = field("Uid")?.split { $0 == " " || $0 == "\t" }.compactMap { UInt32($0) } ?? []
    guard numbers.count == 4 else { return nil }
    return .init(real: numbers[0], effective: numbers[1], saved: numbers[2])
  }

  private var program: RunningProcess.Program {
    let deleted = " (deleted)"
    guard let target = folder.target(ofLink: "exe") else { return .hidden }
    var status = stat()
    guard unsafe fstatat(folder.raw, "exe", &status, 0) == 0 else { return .hidden }
    let isDeleted = target.hasSuffix(deleted)
    return .file(
      isDeleted ? String(target.dropLast(deleted.count)) : target,
      .init(
        stamp: TrustedPath.Stamp(status), isDeleted: isDeleted,
        isSetuid: status.st_mode & (S_ISUID | S_ISGID) != 0))
  }

  /// The 22nd field of `stat`; the second is a name in parentheses that may contain anything.
  private var started: UInt64? {
    let text = text("stat")
    guard let end = text.lastIndex(of: ")") else { return nil }
    let fields = text[text.index(after: end)...].split(separator: " ")
    return fields.count > 19 ? UInt64(fields[19]) : nil
  }

  private var unit: String? {
    for line in text("cgroup").split(separator: "\n") {
      // "0::/system.slice/nginx.service", or with a controller's name between the colons.
      guard let name = line.split(separator: "/").last, name.hasSuffix(".service"),
        !line.contains("/user.slice/")
      else { continue }
      return String(name)
    }
    return nil
  }

  private func field(_ name: String) -> String? {
    text("status").split(separator: "\n").first { $0.hasPrefix("\(name):") }
      .map { String($0.dropFirst(name.count + 1)) }
  }

  private func text(_ file: String) -> String {
    String(decoding: (try? bytes(file)) ?? [], as: UTF8.self)
  }

  private func bytes(_ file: String) throws(HostError) -> [UInt8] {
    let subject = "/proc/\(pid)/\(file)"
    return try folder.open(file, O_RDONLY | O_NOFOLLOW, operation: "read", subject: subject)
      .read(limit: 1 << 20, subject: subject)
  }
}

extension Descriptor {
  /// Returns the target of a link in this directory as stored; nil if it cannot be read.
  fileprivate func target(ofLink name: String) -> String? {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let raw = raw
    let count = unsafe buffer.withUnsafeMutableBytes { bytes in
      unsafe bytes.baseAddress.map { unsafe readlinkat(raw, name, $0, bytes.count) } ?? -1
    }
    return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
  }
}

extension String {
  fileprivate var trimmingSpaces: String {
    String(drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
  }
}
