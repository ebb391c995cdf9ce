import CertctlBase
import CertctlCore
import CertctlSystem

/// A container engine that is used through its command line: `docker` or `podman`.
struct CommandLineEngine: ContainerEngine {
  /// The absolute path of the program.
  let path: String
  /// The environment of the program.
  let environment: EngineEnvironment
  /// Runs the program.
  let runner: any CommandRunner

  var name: String { path.split(separator: "/").last.map(String.init) ?? "docker" }

  func inspect(_ container: String) async throws -> ContainerInspection? {
    try environment.requireThisMachine()
    try await environment.requireTrust()
    // Without --format, because Podman 4 prints a list for "{{json .}}" too.
    let result = try await run(["inspect", "--type", "container", container])
    if result.succeeded, let found = ContainerInspection(output: result.output) { return found }
    if !result.timedOut, Self.saysNotFound(result.output) { return nil }
    throw Self.fault(result).error(of: self)
  }

  func exec(
    _ words: [String], in container: String, within limit: Duration, outputLimit: Int
  ) async throws -> CommandResult {
    var command = command(["exec", container] + words, within: limit, outputLimit: outputLimit)
    command.tellsErrorsFirst = true
    return try await runner.run(command)
  }

  func names(of selection: ContainerSelection) async throws -> [String] {
    let options: [String] =
      switch selection {
      case .running: []
      case .service(let service):
        ["--all", "--filter", "label=" + ContainerSelection.label(ofService: service)]
      }
    let result = try await run(["ps"] + options + ["--format", "{{.Names}}"])
    guard result.succeeded else { return [] }
    return result.output.split(separator: "\n").map(String.init)
      .filter(ContainerName.isValid).sorted()
  }

  func lastLines(of container: String) async throws -> String {
    let result = try await runner.run(
      command(["logs", "--tail", "3", container], outputLimit: 8 << 10))
    return result.succeeded ? String(NginxMessage.summary(of: result.output).prefix(400)) : ""
  }

  // MARK: - The program

  private func run(_ arguments: [String]) async throws -> CommandResult {
    try await runner.run(command(arguments))
  }

  private func command(
    _ arguments: [String], within limit: Duration = .seconds(60), outputLimit: Int = 4 << 20
  ) -> Command {
    Command(
      path, arguments, environment: environment.variables, timeLimit: limit,
      outputLimit: outputLimit)
  }

  // MARK: - Error messages

  private static func saysNotFound(_ output: String) -> Bool {
    let words = output.lowercased()
    return ["no such container", "no such object", "no container with name or id"]
      .contains { words.contains($0) }
  }

  /// Returns why the engine failed, which its command line reports only as text.
  private static func fault(_ result: CommandResult) -> EngineFault {
    let words = result.output.lowercased()
    if result.timedOut { return .silent(result.output) }
    if words.contains("permission denied") { return .forbidden(result.output) }
    let isStopped = ["cannot connect", "unable to connect", "is the docker daemon running"]
      .contains { words.contains($0) }
    return isStopped ? .notRunning(result.output) : .refused(result.output)
  }
}
