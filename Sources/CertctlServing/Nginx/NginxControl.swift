import CertctlBase
package import CertctlCore
import CertctlSystem
import Logging

/// Tests the configuration of an nginx, and has it load it.
package struct NginxControl: Sendable {
  package let environment: Environment

  package init(environment: Environment) {
    self.environment = environment
  }

  /// Tests the configuration; returns what nginx says against it.
  package func test(_ nginx: RunningNginx) async throws -> String? {
    try await failure(of: nginx.test)
  }

  /// Tests the configuration, and lets nginx load it; returns why that failed, if it did.
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

  /// Why a command fails; nil when it does not.
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

  /// What nginx says against something, for a person; the log gets all of it as it is.
  static func complaint(_ result: CommandResult, logger: Logger) -> String {
    logger.debug("nginx said", metadata: ["output": "\(result.output)"])
    return NginxMessage.summary(of: result.output)
  }
}
