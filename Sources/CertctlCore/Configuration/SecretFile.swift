import CertctlBase
import CertctlSystem

/// A file that holds a secret: a token, a key, a password.
///
/// It must belong to root or to this user, and nobody else may write it: its content decides with whose
/// rights certctl acts. certctl warns if everybody can read it.
package struct SecretFile: Sendable {
  /// Its absolute path.
  package let path: String
  /// Told what is unwise.
  package let warn: @Sendable (String) -> Void

  package init(path: String, warn: @escaping @Sendable (String) -> Void) {
    self.path = path
    self.warn = warn
  }

  /// More is no secret.
  private static let limit = 1 << 16

  /// The file's bytes; blocks.
  ///
  /// - Throws: `CertctlError` with code `configuration`; nothing of the secret stands in it.
  package func read() throws(CertctlError) -> [UInt8] {
    let (folder, name) = DurableFolder.folderAndName(of: path)
    let found: (bytes: [UInt8], isReadableByAll: Bool)?
    do throws(HostError) {
      found = try folder.readOwn(name, limit: Self.limit)
    } catch {
      guard error.code == .unsafePath else { throw unreadable(error.detail ?? error.description) }
      throw CertctlError(
        .configuration,
        "the secret in \(path) is not used: "
          + (error.detail ?? error.description),
        hint: error.hint)
    }
    guard let found else { throw unreadable("it is not there") }
    // Where a file system is mounted read-only, as in containers, there is nothing to be done.
    if found.isReadableByAll, FileFacts.mayWrite(path) {
      warn("everybody on this machine can read the secret in \(path): chmod 600 \(path)")
    }
    return found.bytes
  }

  private func unreadable(_ why: String) -> CertctlError {
    CertctlError(
      .configuration,
      "the secret in \(path) cannot be read: \(why)")
  }
}
