import CertctlBase
package import CertctlCore
import CertctlSystem
import FoundationEssentials

extension RenewalMetrics {
  /// Replaces the metrics file atomically.
  ///
  /// Its mode is 0644, because node_exporter runs as another user.
  ///
  /// - Parameter path: An absolute path in an existing directory.
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

  /// Checks the path of the metrics file, before the run begins.
  ///
  /// - Parameter path: An absolute path in an existing, writable directory.
  /// - Throws: `CertctlError` with code `configuration`, with a hint.
  package static func check(_ path: String) async throws(CertctlError) {
    let (parent, name) = split(path)
    guard path.hasPrefix("/"), !["", ".", ".."].contains(name) else {
      throw CertctlError(
        .configuration, "the metrics file '\(path)' is not an absolute file path",
        hint: "for example, use /var/lib/prometheus/node-exporter/certctl.prom")
    }
    guard let fault = await fault(inFolder: parent, path) else { return }
    throw CertctlError(
      .configuration, "cannot write the metrics file \(path): \(fault.what)", hint: fault.hint)
  }

  @Disk private static func replace(
    _ name: String, in folder: DurableFolder, _ bytes: [UInt8]
  ) throws(HostError) {
    // node_exporter reads every file that ends in ".prom", as the usual temporary names do: it
    // would see each sample twice. After a crash the next run replaces this draft.
    let draft = "\(name)~"
    try folder.write(draft, bytes, FileAttributes(mode: 0o644))
    do throws(HostError) {
      try folder.rename(draft, to: name)
    } catch {
      // Another run has already renamed this draft, or a newer one.
      if error.code != .notFound { throw error }
    }
  }

  /// Returns whether node_exporter reads this file: its name must end in ".prom".
  package static func isCollected(_ path: String) -> Bool { path.hasSuffix(".prom") }

  @Disk private static func fault(
    inFolder parent: String, _ path: String
  ) -> (what: String, hint: String)? {
    let files = FileManager.default
    var isFolder = false
    guard files.fileExists(atPath: parent, isDirectory: &isFolder), isFolder else {
      return (
        "its directory does not exist",
        "create \(parent), or use the directory that node_exporter reads "
          + "(--collector.textfile.directory)"
      )
    }
    if files.fileExists(atPath: path, isDirectory: &isFolder), isFolder {
      return ("it is a directory", "use a file in it, such as \(path)/certctl.prom")
    }
    guard files.isWritableFile(atPath: parent) else {
      return ("this user cannot write to its directory", adviceOnPermission(parent))
    }
    return nil
  }

  private static func wrong(_ what: String, because error: any Error) -> CertctlError {
    let cause = CertctlError(wrapping: error)
    let isForbidden = (error as? HostError)?.code == .permissionDenied
    return CertctlError(
      .configuration, "\(what): \(cause.message)",
      hint: isForbidden ? adviceOnPermission("its directory") : cause.hint)
  }

  private static func adviceOnPermission(_ folder: String) -> String {
    "run certctl as root, or make \(folder) writable by this user "
      + "(for a systemd service, add it to ReadWritePaths=)"
  }

  private static func split(_ path: String) -> (parent: String, name: String) {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    let parent = parts.dropLast().joined(separator: "/")
    return (parent.isEmpty ? "/" : parent, parts.last.map(String.init) ?? "")
  }
}
