import CertctlBase
import CertctlSystem

/// A file with a secret: a token, a key or a password.
///
/// It must belong to root or to this user, and others must not be able to write to it, because its
/// content determines the account that certctl uses. certctl warns if every user can read it.
package struct SecretFile: Sendable {
  /// The absolute path.
  package let path: String
  /// Prints a warning.
  package let warn: @Sendable (String) -> Void

  package init(path: String, warn: @escaping @Sendable (String) -> Void) {
    self.path = path
    self.warn = warn
  }

  /// The maximum size in bytes.
  private static let limit = 1 << 16

  /// Reads the file's bytes; blocks.
  ///
  /// - Throws: `CertctlError` with code `configuration`; it never contains the secret.
  package func read() throws(CertctlError) -> [UInt8] {
    let (folder, name) = DurableFolder.folderAndName(of: path)
    let found: (bytes: [UInt8], isReadableByAll: Bool)?
    do throws(HostError) {
      found = try folder.readOwn(name, limit: Self.limit)
    } catch {
      guard error.code == .unsafePath else { throw unreadable(error.detail ?? error.description) }
      let cause = error.detail ?? error.description
      // A cause about the file itself begins with its path.
      let place = cause.hasPrefix("\(path) ") ? "" : " in \(path)"
      throw CertctlError(
        .configuration, "cannot use the secret\(place): \(cause)", hint: error.hint)
    }
    guard let found else { throw unreadable("no such file") }
    // On a read-only file system, as in containers, the mode cannot be changed.
    if found.isReadableByAll, FileFacts.mayWrite(path) {
      warn("every user on this host can read the secret in \(path); run: chmod 600 \(path)")
    }
    return found.bytes
  }

  private func unreadable(_ why: String) -> CertctlError {
    CertctlError(.configuration, "cannot read the secret in \(path): \(why)")
  }
}
