package import CertctlSystem

/// A command of the nginx program, which runs where that nginx runs.
package struct NginxCommand: Sendable {
  /// The container to run it in; nil for this host.
  let container: NginxContainer?
  /// The program: a path or, in a container, a name that the container resolves.
  let executable: String
  /// The arguments.
  let arguments: [String]
  /// The maximum number of bytes to keep of its output.
  var outputLimit = 64 << 10

  /// The command line for messages.
  var title: String {
    let way = container.map { [$0.engine.path, "exec", $0.name] } ?? []
    return (way + [executable] + arguments).joined(separator: " ")
  }

  /// Runs the command to its end; its failure is a result, not an error.
  ///
  /// - Parameter runner: Runs the programs of this host.
  /// - Returns: The exit status and the output.
  /// - Throws: `HostError` if it cannot be started; `CancellationError`.
  package func run(by runner: any CommandRunner) async throws -> CommandResult {
    let limit = Duration.seconds(600)
    if let container {
      return try await container.engine.exec(
        [executable] + arguments, in: container.name, within: limit, outputLimit: outputLimit)
    }
    return try await runner.run(
      Command(executable, arguments, timeLimit: limit, outputLimit: outputLimit))
  }
}
