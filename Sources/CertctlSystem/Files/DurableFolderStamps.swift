package import CertctlBase
internal import Glibc

/// The stamp of a file, which changes with every rename and write.
package struct FileStamp: Sendable, Hashable {
  /// The time of the last change of the contents, in nanoseconds since 1970.
  package let modified: Int64
  /// The inode number; a replaced file has another one.
  package let file: UInt64
  /// The size in bytes.
  package let size: Int64

  /// Creates a stamp from stored values.
  package init(modified: Int64, file: UInt64, size: Int64) {
    self.modified = modified
    self.file = file
    self.size = size
  }
}

extension DurableFolder {
  /// Returns the files and links in the directory with their stamps; empty if it does not exist.
  ///
  /// It makes one system call for each and opens none, for directories with many thousands of
  /// files.
  package func stamps() throws(HostError) -> [String: FileStamp] {
    let names: [String]
    do throws(HostError) {
      names = try Descriptor.folder(path).names(subject: path)
    } catch {
      if error.code == .notFound { return [:] }
      throw error
    }
    let folder = try Descriptor.folder(path)
    var stamps: [String: FileStamp] = [:]
    stamps.reserveCapacity(names.count)
    for name in names where !Self.isTemporary(name) {
      var status = stat()
      // It may have been removed meanwhile.
      guard unsafe fstatat(folder.raw, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
      stamps[name] = FileStamp(
        modified: Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec),
        file: UInt64(status.st_ino), size: Int64(status.st_size))
    }
    return stamps
  }
}
