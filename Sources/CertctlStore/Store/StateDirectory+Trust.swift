import CertctlBase
import CertctlCore
import CertctlSystem

extension StateDirectory {
  /// Refuses a state directory that another user owns or can write.
  ///
  /// A user who can change it chooses hooks, keys and paths for the user who runs certctl. Blocks.
  ///
  /// - Parameter command: The command with its arguments, for the hint.
  /// - Throws: `CertctlError` with code `configuration`.
  func requireTrust(command: [String] = []) throws(CertctlError) {
    do throws(HostError) {
      try TrustedPath.require(path, .folder)
    } catch {
      throw untrusted(error, command)
    }
  }

  func untrusted(_ error: HostError, _ command: [String]) -> CertctlError {
    guard error.code == .unsafePath else { return CertctlError(wrapping: error) }
    let owner = TrustedPath.foreignOwner(of: path).flatMap(SystemAccount.userName)
    let words = (["sudo", "-u", owner ?? ""] + command).map(\.shellQuoted).joined(separator: " ")
    return CertctlError(
      .configuration,
      "cannot use the state directory \(path): \(error.detail ?? error.description)",
      hint: (owner == nil || !SystemAccount.isRoot ? error.hint : "run: \(words)"))
  }
}

extension String {
  /// The text, quoted as one shell word if needed.
  fileprivate var shellQuoted: String {
    let isPlain =
      !isEmpty
      && utf8.allSatisfy { byte in
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
          || "_-./:=@%+,".utf8.contains(byte)
      }
    return isPlain
      ? self
      : "'\(split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''"))'"
  }
}
