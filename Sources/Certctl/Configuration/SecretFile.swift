import HostIO

/// A file that holds a secret: a token, a key, a password.
///
/// Whoever can write it decides with whose rights certctl acts, so that it has to be root's or this
/// user's; whoever can read it has the secret, which is told.
struct SecretFile: Sendable {
  /// Its absolute path.
  let path: String
  /// Told what is unwise.
  let warn: @Sendable (String) -> Void

  /// More is no secret.
  private static let limit = 1 << 16

  /// The file's bytes; blocks.
  ///
  /// - Throws: `CertctlError` with code `configuration`; nothing of the secret stands in it.
  func read() throws(CertctlError) -> [UInt8] {
    do throws(HostError) {
      try TrustedPath.requireOwn(path)
    } catch {
      throw CertctlError(
        .configuration,
        "the secret in \(escapedForTerminal(path)) is not used: "
          + escapedForTerminal(error.detail ?? error.description),
        hint: error.hint.map(escapedForTerminal))
    }
    let place = FileChange.place(of: path)
    let bytes: [UInt8]?
    do throws(HostError) {
      bytes = try place.folder.read(place.name, limit: Self.limit)
    } catch {
      throw unreadable(error.detail ?? error.description)
    }
    guard let bytes else { throw unreadable("it is not there") }
    if FileFacts(path: path).map({ $0.mode & 0o004 != 0 }) == true, FileFacts.mayWrite(path) {
      let shown = escapedForTerminal(path)
      warn("everybody on this machine can read the secret in \(shown): chmod 600 \(shown)")
    }
    return bytes
  }

  private func unreadable(_ why: String) -> CertctlError {
    CertctlError(
      .configuration,
      "the secret in \(escapedForTerminal(path)) cannot be read: \(escapedForTerminal(why))")
  }
}
