package import CertctlBase
internal import Glibc

extension DurableFolder {
  /// Appends one record to a log file, which is renamed to `NAME.1` at `rotateAt` bytes.
  ///
  /// Each record is a single write at the end of the file, so that records of several processes do
  /// not mix. It is not synced: a log entry is not worth waiting for the disk.
  package func append(
    _ name: String, _ record: [UInt8], _ attributes: FileAttributes, rotateAt: Int
  ) throws(HostError) {
    try check(name)
    let folder = try Descriptor.folder(path)
    let subject = full(name)
    let raw = folder.raw
    var status = stat()
    if unsafe fstatat(raw, name, &status, AT_SYMLINK_NOFOLLOW) == 0,
      status.st_size >= rotateAt
    {
      try step("rename", name + ".1")
      try Descriptor.call("rotate", subject) { unsafe renameat(raw, name, raw, name + ".1") }
    }
    try step("append", name)
    let file = try folder.open(
      name, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, mode: attributes.mode,
      operation: "append to", subject: subject)
    try file.write(record, subject: subject)
  }
}
