import CertctlBase
package import CertctlCore
import CertctlSystem

/// Tests and reloads the configuration of an nginx.
package struct NginxControl: Sendable {
  package let environment: Environment

  package init(environment: Environment) {
    self.environment = environment
  }

  /// Tests the configuration; returns nginx's messages if it fails.
  package func test(_ nginx: RunningNginx) async throws -> String? {
    try await failure(of: nginx.test)
  }

  /// Tests and reloads the configuration; returns the reason if that fails.
  package func reload(_ nginx: RunningNginx) async throws -> String? {
    environment.console.progress(.reloading("nginx"))
    if let failure = try await test(nginx) { return failure }
    switch nginx.reload {
    case .service(let command):
      let title = ([command.executable] + command.arguments).joined(separator: " ")
      return try await failure(of: title) { try await environment.runner.run(command) }
    case .ownCommand: return try await failure(of: nginx.ownReload)
    case .signal(let process): return try await signal(process)
    }
  }

  private func signal(_ process: RunningProcess) async throws -> String? {
    do {
      try await hangUp(process)
      return nil
    } catch {
      return CertctlError(wrapping: error).message
    }
  }

  @Disk private func hangUp(_ process: RunningProcess) throws(HostError) {
    try ProcessTable.reload(process)
  }

  private func failure(of command: NginxCommand) async throws -> String? {
    try await failure(of: command.title) { try await command.run(by: environment.runner) }
  }

  /// Returns why a command fails; nil if it succeeds.
  private func failure(
    of title: String, _ run: () async throws -> CommandResult
  ) async throws -> String? {
    switch try await attempt(run) {
    case .success(let result):
      return result.succeeded ? nil : "\(title) failed: " + Self.firstLines(result.output)
    case .failure(let error): return error.message
    }
  }

  /// Returns the first lines of nginx's output as one line.
  static func firstLines(_ output: String) -> String {
    let lines = output.split(separator: "\n").prefix(3).map(String.init)
    return lines.isEmpty ? "no output" : lines.joined(separator: " ")
  }
}
