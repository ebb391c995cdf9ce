package import CertctlBase
internal import Glibc

/// What tells whether a file is still the one that was read: it changes with every rename and write.
package struct FileStamp: Sendable, Hashable {
  /// When its content last changed, in nanoseconds since 1970.
  package let modified: Int64
  /// The number of the file on its file system; a replaced file has another one.
  package let file: UInt64
  /// Its size in bytes.
  package let size: Int64

  /// Takes a stamp that was kept.
  package init(modified: Int64, file: UInt64, size: Int64) {
    self.modified = modified
    self.file = file
    self.size = size
  }
}

extension DurableFolder {
  /// The files and links in the folder with their stamps; none when it is not there.
  ///
  /// One system call for each, and nothing is opened: for folders with many thousands of files.
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
      // One that goes away meanwhile is not there.
      guard unsafe fstatat(folder.raw, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else { continue }
      stamps[name] = FileStamp(
        modified: Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec),
        file: UInt64(status.st_ino), size: Int64(status.st_size))
    }
    return stamps
  }
}
