import CertctlBase
import CertctlCore
import CertctlSystem

/// A container engine of this machine, independent of how it is reached.
protocol ContainerEngine: Sendable {
  /// The name of its command: "docker".
  var name: String { get }
  /// The absolute path of its program or socket, for messages.
  var path: String { get }

  /// Returns information about a container; nil if the engine has none of that name.
  ///
  /// This is the first request to an engine, and it refuses an engine that root must not trust: the
  /// mounts that an engine reports decide where root writes.
  ///
  /// - Throws: `CertctlError` with code `configuration` if the engine cannot be queried;
  ///   `CancellationError`.
  func inspect(_ container: String) async throws -> ContainerInspection?

  /// Runs a program in a container, as the container's user and without a shell.
  ///
  /// - Parameters:
  ///   - words: The program and its arguments.
  ///   - container: The container.
  ///   - limit: The time limit of the program.
  ///   - outputLimit: The maximum number of bytes to keep of its output.
  /// - Returns: The exit status and the output, standard error first. If the engine cannot run the
  ///   program, it counts as failed, with the engine's message as its output.
  /// - Throws: `HostError` if the engine's program cannot be started; `CancellationError`.
  func exec(
    _ words: [String], in container: String, within limit: Duration, outputLimit: Int
  ) async throws -> CommandResult

  /// Returns the names of containers, sorted; empty if the engine does not respond.
  func names(of selection: ContainerSelection) async throws -> [String]

  /// Returns the last lines of a container's log as one line; empty if they are unknown.
  func lastLines(of container: String) async throws -> String
}

/// The containers to list.
enum ContainerSelection: Sendable, Equatable {
  /// The running containers.
  case running
  /// The containers of a compose service, running or not.
  case service(String)

  /// Returns the label that compose puts on the containers of a service.
  static func label(ofService service: String) -> String {
    "com.docker.compose.service=\(service)"
  }
}

/// The failure of a container engine, with its message.
enum EngineFault: Error, Sendable, Equatable {
  /// The engine did not respond in time.
  case silent(String)
  /// The user may not use the engine.
  case forbidden(String)
  /// The engine is not running.
  case notRunning(String)
  /// The engine returned something unexpected.
  case refused(String)

  /// The engine's message.
  var words: String {
    switch self {
    case .silent(let words), .forbidden(let words), .notRunning(let words), .refused(let words):
      words
    }
  }

  /// Returns the error for the user.
  func error(of engine: any ContainerEngine) -> CertctlError {
    let words = Self.oneLine(words)
    return switch self {
    case .silent:
      CertctlError(
        .configuration, "cannot query the container engine at \(engine.path): no response in time",
        hint: "run: systemctl status \(engine.name)")
    case .forbidden:
      CertctlError(
        .configuration, "cannot use \(engine.name) as this user: \(words)",
        hint: "run certctl as root")
    case .notRunning:
      CertctlError(
        .configuration, "cannot use \(engine.name): the engine is not running: \(words)",
        hint: "run: systemctl start \(engine.name)")
    case .refused:
      CertctlError(.configuration, "cannot query \(engine.name): \(words)")
    }
  }

  /// Returns the first lines of the text as one line.
  static func oneLine(_ text: String) -> String {
    // For an unknown container, `inspect` prints an empty list before the error.
    let lines = text.split { $0.isNewline }.filter { $0 != "[]" }.prefix(4)
      .joined(separator: " / ")
    return lines.isEmpty ? "no output" : String(lines.prefix(400))
  }
}
