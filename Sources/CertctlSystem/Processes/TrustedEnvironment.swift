internal import CertctlBase
internal import FoundationEssentials
internal import Glibc
internal import Synchronization

/// What root's programs get of an environment that may have been somebody else's.
///
/// `su` without a dash and some settings of sudo leave root with the `PATH`, `HOME` and `TMPDIR` of the
/// user who called it. A program would then find that user's commands, or read that user's settings.
struct TrustedEnvironment: Sendable {
  /// The environment to be completed.
  var variables: [String: String]

  /// Where programs are looked for when nothing says it.
  static let usualPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  /// The same variables; as root without the folders that others own or can write; blocks.
  func checked() -> [String: String] {
    guard geteuid() == 0 else { return variables }
    var result = variables
    if let path = variables["PATH"] { result["PATH"] = Self.path(path) }
    if let home = variables["HOME"], !Self.isTrusted(home) {
      result["HOME"] = SystemAccount.home(of: 0) ?? "/root"
    }
    // A shared folder such as /tmp may hold what programs make there, not the folder of another user.
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

  /// The folders of a `PATH` in which only root can put programs.
  private static func path(_ path: String) -> String {
    let folders = path.split(separator: ":").map(String.init).filter(isTrusted)
    return folders.isEmpty ? usualPath : folders.joined(separator: ":")
  }

  private static func isTrusted(_ folder: String) -> Bool {
    // The same for every program of a run.
    if let known = answers.withLock({ $0[folder] }) { return known }
    let answer = (try? TrustedPath(folder, .folder)) != nil
    answers.withLock { $0[folder] = answer }
    return answer
  }

  private static let answers = Mutex<[String: Bool]>([:])
}
