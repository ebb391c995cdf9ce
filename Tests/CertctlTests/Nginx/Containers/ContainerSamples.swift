import CertctlSystem
import FoundationEssentials
import Synchronization
import TestSupport
import Testing

@testable import CertctlServing

/// A runner that answers from a table.
///
/// The key is the first two arguments, such as "ps --all", or else the first one.
final class ScriptedRunner: CommandRunner {
  private let answers: [String: CommandResult]
  private let asked = Mutex<[Command]>([])

  init(_ answers: [String: CommandResult] = [:]) { self.answers = answers }

  /// The commands that were run.
  var commands: [Command] { asked.withLock { $0 } }

  func run(_ command: Command) async throws -> CommandResult {
    asked.withLock { $0.append(command) }
    let words = command.arguments
    let answer =
      answers[words.prefix(2).joined(separator: " ")] ?? answers[words.first ?? ""]
    return try #require(answer, "nobody expected \(words)")
  }
}

/// A container engine with fixed answers.
final class FakeEngine: ContainerEngine {
  let name: String
  var path: String { "/usr/bin/\(name)" }
  private let found: @Sendable () throws -> ContainerInspection?
  private let running: [String]
  private let services: [String: [String]]
  private let words: String
  private let asked = Mutex<[String]>([])

  /// Creates an engine.
  ///
  /// - Parameters:
  ///   - name: The name of the engine.
  ///   - running: The names of the running containers.
  ///   - services: The names of the containers of each compose service.
  ///   - words: The last log lines of each container.
  ///   - found: Returns the answer to `inspect`.
  init(
    _ name: String = "docker", running: [String] = [], services: [String: [String]] = [:],
    words: String = "", found: @escaping @Sendable () throws -> ContainerInspection? = { nil }
  ) {
    self.name = name
    self.running = running
    self.services = services
    self.words = words
    self.found = found
  }

  /// Creates an engine with one container, described by the JSON of `inspect`.
  convenience init(_ name: String = "docker", inspect json: String, words: String = "") throws {
    let inspection = try #require(ContainerInspection(output: json))
    self.init(name, words: words) { inspection }
  }

  /// The containers that were inspected.
  var inspected: [String] { asked.withLock { $0 } }

  func inspect(_ container: String) async throws -> ContainerInspection? {
    asked.withLock { $0.append(container) }
    return try found()
  }

  func exec(
    _ words: [String], in container: String, within limit: Duration, outputLimit: Int
  ) async throws -> CommandResult {
    throw HarnessError("nobody expected \(words)")
  }

  func names(of selection: ContainerSelection) async throws -> [String] {
    switch selection {
    case .running: running
    case .service(let service): services[service] ?? []
    }
  }

  func lastLines(of container: String) async throws -> String { words }
}

/// Recorded output of engines.
enum Recorded {
  /// Returns the text of a recorded `inspect`.
  static func inspection(_ name: String) throws -> String {
    let path = Checkout.path("Fixtures/containers/\(name).json")
    return try #require(readText(path), "\(path)")
  }
}

extension CommandResult {
  /// Returns the result of a program that printed this output and succeeded.
  static func said(_ output: String) -> CommandResult {
    CommandResult(ending: .exited(0), output: output)
  }

  /// Returns the result of a program that printed this output and failed.
  static func failed(_ output: String, _ code: Int32 = 1) -> CommandResult {
    CommandResult(ending: .exited(code), output: output)
  }
}

extension NginxContainer {
  /// Returns a container with these mounts, each "SOURCE:DESTINATION".
  ///
  /// A source without a leading slash is a tmpfs mount.
  static func sample(
    mounts: [String] = [], pid: Int = 0, mode: String = "proxy", user: String = "",
    networks: String = "{}", ports: String = "{}", labels: String = "{}",
    isWritable: Bool = false, engine: any ContainerEngine = FakeEngine()
  ) throws -> NginxContainer {
    let list = mounts.map { mount in
      let parts = mount.split(separator: ":").map(String.init)
      let kind = parts[0].hasPrefix("/") ? "bind" : "tmpfs"
      return
        #"{"Type":"\#(kind)","Source":"\#(parts[0])","Destination":"\#(parts[1])","RW":\#(isWritable)}"#
    }
    let text = """
      [{"Id":"0123","Name":"/web","Mounts":[\(list.joined(separator: ","))],
        "State":{"Status":"running","Running":true,"Pid":\(pid)},
        "Config":{"User":"\(user)","Image":"nginx:1","Labels":\(labels)},
        "HostConfig":{"NetworkMode":"\(mode)"},
        "NetworkSettings":{"Networks":\(networks),"Ports":\(ports)}}]
      """
    let inspection = try #require(ContainerInspection(output: text))
    return NginxContainer(inspection, name: "web", engine: engine)
  }
}
