import CertctlBase
package import CertctlCore
import CertctlSystem
import FoundationEssentials

extension RenewalMetrics {
  /// Writes the file: readers see the old one or the new one, whole.
  ///
  /// It gets mode 0644, since node_exporter runs as a user of its own.
  ///
  /// - Parameter path: Where to: an absolute path in a folder that is there.
  /// - Throws: `CertctlError` with code `configuration`, with a hint.
  package func write(to path: String) async throws(CertctlError) {
    try await Self.check(path)
    let bytes = Array(text().utf8)
    let (parent, name) = Self.split(path)
    do {
      try await Self.replace(name, in: DurableFolder(path: parent, root: parent), bytes)
    } catch {
      throw Self.wrong("cannot write the metrics file \(path)", because: error)
    }
  }

  /// Checks a path for metrics, before the work is begun of which they tell.
  ///
  /// - Parameter path: An absolute path in a folder that is there and can be written.
  /// - Throws: `CertctlError` with code `configuration`, with a hint.
  package static func check(_ path: String) async throws(CertctlError) {
    let (parent, name) = split(path)
    guard path.hasPrefix("/"), !["", ".", ".."].contains(name) else {
      throw CertctlError(
        .configuration, "the metrics file '\(path)' is no absolute path of a file",
        hint: "for node_exporter, for example: /var/lib/prometheus/node-exporter/certctl.prom")
    }
    guard let fault = await fault(inFolder: parent, path) else { return }
    throw CertctlError(
      .configuration, "cannot write the metrics file \(path): \(fault.what)", hint: fault.hint)
  }

  @Disk private static func replace(
    _ name: String, in folder: DurableFolder, _ bytes: [UInt8]
  ) throws(HostError) {
    // node_exporter reads whatever ends in ".prom", and temporary names end as the name does:
    // it would find each sample twice. A crash leaves this one for the next run to replace.
    let draft = "\(name)~"
    try folder.write(draft, bytes, FileAttributes(mode: 0o644))
    do throws(HostError) {
      try folder.rename(draft, to: name)
    } catch {
      // Another run has put our bytes, or its own newer ones, into place.
      if error.code != .notFound { throw error }
    }
  }

  /// Whether node_exporter reads a file of that name; it reads only those that end in ".prom".
  package static func isCollected(_ path: String) -> Bool { path.hasSuffix(".prom") }

  @Disk private static func fault(
    inFolder parent: String, _ path: String
  ) -> (what: String, hint: String)? {
    let files = FileManager.default
    var isFolder = false
    guard files.fileExists(atPath: parent, isDirectory: &isFolder), isFolder else {
      return (
        "there is no folder \(parent)",
        "make it, or name the folder that node_exporter was given by "
          + "--collector.textfile.directory"
      )
    }
    if files.fileExists(atPath: path, isDirectory: &isFolder), isFolder {
      return ("it is a folder", "name a file in it, such as \(parent)/certctl.prom")
    }
    guard files.isWritableFile(atPath: parent) else {
      return ("this user may not write in \(parent)", adviceOnPermission(parent))
    }
    return nil
  }

  private static func wrong(_ what: String, because error: any Error) -> CertctlError {
    let cause = CertctlError(wrapping: error)
    let isForbidden = (error as? HostError)?.code == .permissionDenied
    return CertctlError(
      .configuration, "\(what): \(cause.message)",
      hint: isForbidden ? adviceOnPermission("its folder") : cause.hint)
  }

  private static func adviceOnPermission(_ folder: String) -> String {
    "run certctl as root, or give this user the right to write there; in the service of systemd, "
      + "\(folder) must be among ReadWritePaths="
  }

  private static func split(_ path: String) -> (parent: String, name: String) {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    let parent = parts.dropLast().joined(separator: "/")
    return (parent.isEmpty ? "/" : parent, parts.last.map(String.init) ?? "")
  }
}
