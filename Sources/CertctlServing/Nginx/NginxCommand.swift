package import CertctlSystem

/// A command of nginx's own program, which runs where that nginx runs.
package struct NginxCommand: Sendable {
  /// The container that it runs in; nil on this host.
  let container: NginxContainer?
  /// The program, by its path or, in a container, as the container finds it.
  let executable: String
  /// Its arguments.
  let arguments: [String]
  /// How many bytes of its output are kept.
  var outputLimit = 64 << 10

  /// How messages name it.
  var title: String {
    let way = container.map { [$0.engine.path, "exec", $0.name] } ?? []
    return (way + [executable] + arguments).joined(separator: " ")
  }

  /// Runs it to its end; its failure is a result, not an error.
  ///
  /// - Parameter runner: Runs the programs of this host.
  /// - Returns: How it ended, and what it wrote.
  /// - Throws: `HostError` when nothing can be started, `CancellationError`.
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
