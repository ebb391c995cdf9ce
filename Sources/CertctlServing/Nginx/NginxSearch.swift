import CertctlBase
import CertctlCore
import CertctlStore
package import CertctlSystem
import Logging

/// Finds the nginx that run on this host, and keeps away from those that somebody else decides about.
///
/// The title of a process says which program to run and with which configuration, and any user can
/// choose any title. So an nginx is asked only if it has always been this user's own process; as root,
/// only if nobody but root can have chosen or changed what certctl then runs (`NginxTrust`).
struct NginxSearch: Sendable {
  let state: StateDirectory
  let environment: Environment

  /// What runs here and calls itself nginx.
  struct Found: Sendable {
    /// Those that can be asked.
    var running: [RunningNginx] = []
    /// Those that are left alone.
    var refused: [RefusedNginx] = []
  }

  /// Looks at all processes that call themselves nginx; says which ones are left alone.
  ///
  /// - Throws: `CancellationError`.
  func run() async throws -> Found {
    let processes = await environment.findProcesses(RunningNginx.title)
    var found = SystemAccount.isRoot ? try await checked(processes) : own(processes)
    // One that has ended meanwhile is no news.
    found.refused = await stillRunning(found.refused)
    for nginx in found.refused { environment.console.warn(nginx.sentence) }
    return found
  }

  /// The processes of an ordinary user, who can run what they like with their own rights.
  ///
  /// Those of others, root's among them, cannot be asked, and not be told either.
  private func own(_ processes: [RunningProcess]) -> Found {
    var found = Found()
    for process in processes {
      guard process.users.areAll(SystemAccount.current) else {
        environment.console.logger.info(
          "process \(process.pid), which calls itself nginx, is of another user")
        continue
      }
      if let nginx = RunningNginx(process) { found.running.append(nginx) }
    }
    return found
  }

  @Disk private func stillRunning(_ refused: [RefusedNginx]) -> [RefusedNginx] {
    refused.filter { ProcessTable.process($0.process.pid)?.started == $0.process.started }
  }

  private func checked(_ processes: [RunningProcess]) async throws -> Found {
    let trust = NginxTrust(state: state, runner: environment.runner)
    var found = Found()
    for process in processes {
      switch try await attempt({ try await trust.check(process) }) {
      case .success(let nginx): found.running.append(nginx)
      case .failure(let error):
        found.refused.append(
          error.underlying as? RefusedNginx
            ?? RefusedNginx(process, error.message, hint: error.hint, mayServe: true))
      }
    }
    await trust.remember(found.running)
    return found
  }
}

/// A process that calls itself nginx, and that certctl neither runs, nor signals, nor reads from.
package struct RefusedNginx: Error, Sendable {
  /// The process.
  package let process: RunningProcess
  /// Why: what somebody else could have chosen or changed.
  package let reason: String
  /// What to do about it.
  package let hint: String?
  /// Whether it may well be an nginx of this user, and serve certificates.
  let mayServe: Bool

  init(_ process: RunningProcess, _ reason: String, hint: String? = nil, mayServe: Bool) {
    self.process = process
    self.reason = reason
    self.hint = hint
    self.mayServe = mayServe
  }

  /// Which process it is: "process 123 of mallory (1001)".
  package var title: String {
    "process \(process.pid) of \(SystemAccount.userTitle(process.users.real))"
  }

  /// What a person is told.
  var sentence: String {
    "skipped \(title), which calls itself nginx: \(reason)"
      + (hint.map { " (\($0))" } ?? "")
  }

  /// Why a certificate cannot be said to be served.
  package var failure: String { "nginx was not asked: \(title): \(reason)" }
}
