import FoundationEssentials
import HostIO
import Synchronization
import TestSupport
import Testing

@testable import Certctl

/// An engine that answers from a table: the first two words after the program, such as "ps --all",
/// or else the first one decide.
final class ScriptedEngine: CommandRunner {
  private let answers: [String: CommandResult]
  private let asked = Mutex<[Command]>([])

  init(_ answers: [String: CommandResult]) { self.answers = answers }

  /// The commands so far.
  var commands: [Command] { asked.withLock { $0 } }

  func run(_ command: Command) async throws -> CommandResult {
    asked.withLock { $0.append(command) }
    let words = command.arguments
    let answer =
      answers[words.prefix(2).joined(separator: " ")] ?? answers[words.first ?? ""]
    return try #require(answer, "nobody expected \(words)")
  }

  /// The text of a recorded `inspect`.
  static func recorded(_ name: String) throws -> String {
    let path = Checkout.path("Fixtures/containers/\(name).json")
    return try #require(readText(path), "\(path)")
  }
}

extension CommandResult {
  /// A program that wrote this and ended well.
  static func said(_ output: String) -> CommandResult {
    CommandResult(ending: .exited(0), output: output)
  }

  /// A program that wrote this and failed.
  static func failed(_ output: String, _ code: Int32 = 1) -> CommandResult {
    CommandResult(ending: .exited(code), output: output)
  }
}

extension ContainerEngine {
  static let docker = ContainerEngine(executable: "/usr/bin/docker", environment: [:])
  static let podman = ContainerEngine(executable: "/usr/bin/podman", environment: [:])
}

extension NginxContainer {
  /// A container with these mounts, each "SOURCE:DESTINATION"; sources without a slash are
  /// something that the engine has in memory.
  static func sample(
    mounts: [String] = [], pid: Int = 0, mode: String = "proxy", user: String = "",
    networks: String = "{}", ports: String = "{}", labels: String = "{}",
    isWritable: Bool = false
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
    return NginxContainer(inspection, name: "web", engine: .docker)
  }
}
