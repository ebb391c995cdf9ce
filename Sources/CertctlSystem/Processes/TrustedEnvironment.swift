internal import CertctlBase
internal import FoundationEssentials
internal import Glibc
internal import Synchronization

/// The environment of root's programs, without directories that other users control.
///
/// `su` without a dash and some sudo settings leave root with the caller's `PATH`, `HOME` and
/// `TMPDIR`. A program would then run that user's commands, or read that user's settings.
struct TrustedEnvironment: Sendable {
  /// The environment to check.
  var variables: [String: String]

  /// The default search path for programs.
  static let usualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  /// Returns the variables; for root without directories that others own or can write; blocks.
  func checked() -> [String: String] {
    guard geteuid() == 0 else { return variables }
    var result = variables
    if let path = variables["PATH"] { result["PATH"] = Self.path(path) }
    if let home = variables["HOME"], !Self.isTrusted(home) {
      result["HOME"] = SystemAccount.home(of: 0) ?? "/root"
    }
    // A shared directory such as /tmp is fine for files that programs create; another user's is
    // not.
    if let folder = variables["TMPDIR"] {
      let inside = "\(folder)/certctl-\(UInt64.random(in: 0 ... .max))"
      do throws(HostError) {
        _ = try TrustedPath.ifPresent(inside, .folder)
      } catch {
        result["TMPDIR"] = nil
      }
    }
    return result
  }

  /// Returns the directories of a `PATH` in which only root can place programs.
  private static func path(_ path: String) -> String {
    let folders = path.split(separator: ":").map(String.init).filter(isTrusted)
    return folders.isEmpty ? usualPath : folders.joined(separator: ":")
  }

  private static func isTrusted(_ folder: String) -> Bool {
    // Cached, because it is the same for all programs of a run.
    if let known = answers.withLock({ $0[folder] }) { return known }
    let answer = (try? TrustedPath(folder, .folder)) != nil
    answers.withLock { $0[folder] = answer }
    return answer
  }

  private static let answers = Mutex<[String: Bool]>([:])
}
