internal import CertctlBase
internal import Glibc

/// An open file descriptor with a single owner, which closes it.
struct Descriptor: ~Copyable {
  let raw: Int32

  init(_ raw: Int32) { self.raw = raw }

  deinit { close(raw) }

  /// Makes a system call, retries it after a signal, and throws its error.
  @discardableResult
  static func call(
    _ operation: String, _ subject: String, _ body: () -> Int32
  ) throws(HostError) -> Int32 {
    while true {
      let result = body()
      if result >= 0 { return result }
      let number = errno
      if number != EINTR { throw HostError(errno: number, operation: operation, subject: subject) }
    }
  }

  /// Opens a directory; as root with `LinkWalk`, which refuses links that other users planted.
  static func folder(_ path: String) throws(HostError) -> Descriptor {
    guard !path.isEmpty, !path.utf8.contains(0) else {
      throw HostError(.unsafePath, operation: "open the directory", subject: path)
    }
    if geteuid() == 0 { return try LinkWalk.folder(path) }
    return Descriptor(
      try call("open the directory", path) {
        unsafe Glibc.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      })
  }

  /// Opens an entry of this directory.
  func open(
    _ name: String, _ flags: Int32, mode: mode_t = 0, operation: String, subject: String
  ) throws(HostError) -> Descriptor {
    Descriptor(
      try Self.call(operation, subject) { unsafe openat(raw, name, flags | O_CLOEXEC, mode) })
  }

  /// Writes all bytes at the current position.
  func write(_ bytes: [UInt8], subject: String) throws(HostError) {
    var written = 0
    while written < bytes.count {
      let count = unsafe bytes.withUnsafeBytes { buffer in
        unsafe Glibc.write(raw, buffer.baseAddress?.advanced(by: written), buffer.count - written)
      }
      let number = errno
      if count > 0 {
        written += count
      } else if count == 0 || number != EINTR {
        throw HostError(errno: count == 0 ? EIO : number, operation: "write", subject: subject)
      }
    }
  }

  /// Reads to the end; throws after more than `limit` bytes.
  func read(limit: Int, subject: String) throws(HostError) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 14)
    while true {
      let count = unsafe chunk.withUnsafeMutableBytes { buffer in
        unsafe Glibc.read(raw, buffer.baseAddress, buffer.count)
      }
      let number = errno
      if count == 0 { return bytes }
      if count < 0 {
        if number == EINTR { continue }
        throw HostError(errno: number, operation: "read", subject: subject)
      }
      bytes += chunk[..<count]
      if bytes.count > limit {
        throw HostError(
          .fileTooLarge, operation: "read", subject: subject,
          detail: "it is larger than \(limit) bytes")
      }
    }
  }

  /// Returns the file's status.
  func status(subject: String) throws(HostError) -> stat {
    var status = stat()
    try Self.call("access", subject) { unsafe fstat(raw, &status) }
    return status
  }

  /// Returns the sorted names in this directory, without "." and "..".
  func names(subject: String) throws(HostError) -> [String] {
    // A separate descriptor, which the stream owns and which has its own position.
    let other = try Self.call("list", subject) {
      unsafe openat(raw, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    }
    guard let stream = unsafe fdopendir(other) else {
      let number = errno
      close(other)
      throw HostError(errno: number, operation: "list", subject: subject)
    }
    defer { unsafe closedir(stream) }
    var names: [String] = []
    let offset = MemoryLayout<dirent>.offset(of: \.d_name) ?? 0
    while let entry = unsafe readdir(stream) {
      let name = unsafe String(
        cString: UnsafeRawPointer(entry).advanced(by: offset).assumingMemoryBound(to: CChar.self))
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }
}

/// Returns whether `name` is a single path component that stays inside its directory.
func isSafeComponent(_ name: String) -> Bool {
  !name.isEmpty && name != "." && name != ".." && name.utf8.count <= 255
    && !name.utf8.contains { $0 == UInt8(ascii: "/") || $0 == 0 }
}
