internal import Glibc

/// Reads files that other users may control, without being blocked by them.
package enum RegularFile {
  /// Returns the bytes of a file; nil if it cannot be read, or is larger than `limit` bytes.
  ///
  /// Also nil if it is not a regular file: a FIFO would block, and a device may be endless. Blocks.
  package static func read(_ path: String, limit: Int = 1 << 20) -> [UInt8]? {
    guard !path.isEmpty, !path.utf8.contains(0),
      let raw = try? Descriptor.call(
        "read", path,
        {
          unsafe open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
        })
    else { return nil }
    let file = Descriptor(raw)
    guard let status = try? file.status(subject: path), status.st_mode & S_IFMT == S_IFREG else {
      return nil
    }
    return try? file.read(limit: limit, subject: path)
  }
}
