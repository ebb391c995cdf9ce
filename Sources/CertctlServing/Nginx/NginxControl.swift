import CertctlBase
package import CertctlCore
import CertctlSystem
import Logging

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
      guard !result.succeeded else { return nil }
      return "\(title) failed: " + Self.complaint(result, logger: environment.console.logger)
    case .failure(let error): return error.message
    }
  }

  /// Returns nginx's complaint for a person, and logs its whole output.
  static func complaint(_ result: CommandResult, logger: Logger) -> String {
    logger.debug("output of nginx", metadata: ["output": "\(result.output)"])
    return NginxMessage.summary(of: result.output)
  }
}
