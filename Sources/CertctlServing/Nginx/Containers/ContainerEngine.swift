import CertctlBase
import CertctlCore
import CertctlSystem

/// A container engine of this machine: what certctl asks of it, by whatever way it is reached.
protocol ContainerEngine: Sendable {
  /// Its name, as a person types it: "docker".
  var name: String { get }
  /// The absolute path of its program or its socket, by which messages name it.
  var path: String { get }

  /// Returns what the engine knows of a container; nil when it has none of that name.
  ///
  /// It is the first question to an engine, and refuses one that root must not believe: what it says
  /// of mounts decides where root writes.
  ///
  /// - Throws: `CertctlError` with code `configuration` when the engine cannot be asked,
  ///   `CancellationError`.
  func inspect(_ container: String) async throws -> ContainerInspection?

  /// Runs a program in a container, as the container's own user, without a shell.
  ///
  /// - Parameters:
  ///   - words: The program and its arguments.
  ///   - container: The container.
  ///   - limit: How long the program may run.
  ///   - outputLimit: How many bytes of its output are kept.
  /// - Returns: How it ended, with what it wrote to standard error before the rest. An engine that
  ///   cannot run it counts as a program that failed, with the engine's words.
  /// - Throws: `HostError` when the engine's program cannot be started, `CancellationError`.
  func exec(
    _ words: [String], in container: String, within limit: Duration, outputLimit: Int
  ) async throws -> CommandResult

  /// Returns the names of containers, sorted; none when the engine does not answer.
  func names(of selection: ContainerSelection) async throws -> [String]

  /// Returns the last lines that a container wrote, as one; empty when the engine does not tell.
  func lastLines(of container: String) async throws -> String
}

/// Which containers are listed.
enum ContainerSelection: Sendable, Equatable {
  /// Those that run.
  case running
  /// Those of a compose service, running or not.
  case service(String)

  /// The label that compose files leave on the containers of a service.
  static func label(ofService service: String) -> String {
    "com.docker.compose.service=\(service)"
  }
}

/// Why a container engine could not be asked, with its own words.
enum EngineFault: Error, Sendable, Equatable {
  /// It did not answer in time.
  case silent(String)
  /// This user may not use it.
  case forbidden(String)
  /// Nobody is there to answer.
  case notRunning(String)
  /// It answered something else than was asked for.
  case refused(String)

  /// The engine's own words.
  var words: String {
    switch self {
    case .silent(let words), .forbidden(let words), .notRunning(let words), .refused(let words):
      words
    }
  }

  /// What a person is told.
  func error(of engine: any ContainerEngine) -> CertctlError {
    let words = Self.oneLine(words)
    return switch self {
    case .silent:
      CertctlError(
        .configuration, "the engine behind \(engine.path) does not answer",
        hint: "look at: systemctl status \(engine.name)")
    case .forbidden:
      CertctlError(
        .configuration, "this user may not use \(engine.name): \(words)",
        hint: "run certctl as root; who may use the engine's socket is root in all but name anyway")
    case .notRunning:
      CertctlError(
        .configuration, "the engine of \(engine.name) is not running: \(words)",
        hint: "start it: systemctl start \(engine.name)")
    case .refused:
      CertctlError(.configuration, "\(engine.name) cannot be asked: \(words)")
    }
  }

  /// The first of the text, on one line.
  static func oneLine(_ text: String) -> String {
    // An inspection of nothing prints an empty list before it says why.
    let lines = text.split { $0.isNewline }.filter { $0 != "[]" }.prefix(4)
      .joined(separator: " / ")
    return lines.isEmpty ? "it said nothing" : String(lines.prefix(400))
  }
}
