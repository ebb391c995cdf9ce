import CertctlBase
import CertctlCore
import CertctlStore
package import CertctlSystem
import Logging

/// Finds the nginx processes on this host, except those that other users can influence.
///
/// The title of a process says which program and configuration to run, and any user can choose any
/// title. So certctl uses an nginx only if its process has always belonged to the current user. As
/// root, it must also be certain that only root chose the program and files that certctl then runs
/// (`NginxTrust`).
struct NginxSearch: Sendable {
  let state: StateDirectory
  let environment: Environment

  /// The processes with the title of nginx.
  struct Found: Sendable {
    /// The nginx to use.
    var running: [RunningNginx] = []
    /// The processes to ignore.
    var refused: [RefusedNginx] = []
  }

  /// Checks all processes with the title of nginx and warns about the ignored ones.
  ///
  /// - Throws: `CancellationError`.
  func run() async throws -> Found {
    let processes = await environment.findProcesses(RunningNginx.title)
    var found = SystemAccount.isRoot ? try await checked(processes) : own(processes)
    // Do not report processes that have exited meanwhile.
    found.refused = await stillRunning(found.refused)
    for nginx in found.refused { environment.console.warn(nginx.sentence) }
    return found
  }

  /// Returns the nginx of an ordinary user, who may run anything with the user's own rights.
  ///
  /// Processes of other users, including root, cannot be used by this user.
  private func own(_ processes: [RunningProcess]) -> Found {
    var found = Found()
    for process in processes {
      guard process.users.areAll(SystemAccount.current) else {
        environment.console.logger.info(
          "ignored process \(process.pid), titled nginx: it belongs to another user")
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

/// A process with the title of nginx that certctl does not run, signal or read from.
package struct RefusedNginx: Error, Sendable {
  /// The process.
  package let process: RunningProcess
  /// The reason: what another user can have chosen or changed.
  package let reason: String
  /// How to fix it.
  package let hint: String?
  /// Whether it may be an nginx of this user that serves certificates.
  let mayServe: Bool

  init(_ process: RunningProcess, _ reason: String, hint: String? = nil, mayServe: Bool) {
    self.process = process
    self.reason = reason
    self.hint = hint
    self.mayServe = mayServe
  }

  /// The process and its user: "process 123 of mallory (1001)".
  package var title: String {
    "process \(process.pid) of \(SystemAccount.userTitle(process.users.real))"
  }

  /// The warning for the user.
  var sentence: String {
    "skipped \(title), titled nginx: \(reason)"
      + (hint.map { " (\($0))" } ?? "")
  }

  /// The reason why the certificate cannot be verified.
  package var failure: String { "cannot check nginx: \(title): \(reason)" }
}
