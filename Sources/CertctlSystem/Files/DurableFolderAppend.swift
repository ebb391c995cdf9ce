package import CertctlBase
internal import Glibc

extension DurableFolder {
  /// Appends one record to a log, which first becomes `NAME.1` when it has reached `rotateAt` bytes.
  ///
  /// Each record is one write at the end of the file, so that records of several processes do not
  /// mix. It is not synced: a log is no reason to wait for a disk.
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
