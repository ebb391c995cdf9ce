import FoundationEssentials
import Glibc
package import Testing

/// A Docker engine with an image like the official nginx one.
///
/// Uses the machine's engine if one responds. Otherwise starts one for this test process, which
/// requires root and ends with the process (`Tests/docker-engine.sh`).
package struct DockerEngine: Sendable {
  /// Changes to the environment of programs that use the engine.
  package let environment: [String: String?]
  /// The image: the machine's nginx on port 80, and busybox.
  package let image: String

  /// Returns the engine of this test process, which the first call starts.
  package static func shared() async throws -> DockerEngine { try await start.value }

  private static let start = Task { () async throws -> DockerEngine in
    let missing = InstalledProgram.missing(of: ["docker", "nginx", "busybox"])
    guard missing.isEmpty else { throw HarnessError("not installed: \(missing)") }
    var environment: [String: String?] = [:]
    if try await !answers(environment) {
      let socket = try launch()
      environment["DOCKER_HOST"] = "unix://\(socket.path("docker.sock"))"
      do {
        try await poll("dockerd to be ready", within: .seconds(60), every: .milliseconds(100)) {
          try await answers(environment)
        }
      } catch {
        throw HarnessError("\(error); it said:\n\(socket.read("log")?.tail() ?? "nothing")")
      }
    }
    return DockerEngine(environment: environment, image: try await makeImage(environment))
  }

  private static func answers(_ environment: [String: String?]) async throws -> Bool {
    try await Program("docker", ["version"], environment: environment).run().exitCode == 0
  }

  /// Starts an engine that ends with this process, even after a crash.
  private static func launch() throws -> TemporaryFolder {
    guard geteuid() == 0, InstalledProgram.find("dockerd") != nil else {
      throw HarnessError("no Docker engine answers, and only root with dockerd can start one")
    }
    let folder = try TemporaryFolder(label: "docker")
    let script = checkout + "/Tests/docker-engine.sh"
    // The engine ends when its standard input closes. Only this process holds the other end; "e"
    // keeps it from other children.
    let command = "exec setsid bash '\(script)' '\(folder.path)' >/dev/null 2>&1"
    guard popen(command, "we") != nil else { throw HarnessError("cannot start \(script)") }
    return folder
  }

  /// Builds the image unless it exists; its tag is a hash of its sources.
  private static func makeImage(_ environment: [String: String?]) async throws -> String {
    let script = checkout + "/Tests/docker-image.sh"
    let version = try await Program("nginx", ["-V"]).run().standardError
    let text = version + (readText(script) ?? "")
    let hash = text.utf8.reduce(UInt64(5381)) { $0 &* 33 ^ UInt64($1) }
    let tag = "certctl-test-nginx:\(String(hash, radix: 16))"
    let known = Program("docker", ["image", "inspect", tag], environment: environment)
    if try await known.run().exitCode != 0 {
      try await Program("bash", [script, tag], environment: environment)
        .run(within: .seconds(120)).requireSuccess("the image")
    }
    return tag
  }

  private static var checkout: String {
    let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
    return parts.dropLast(3).joined(separator: "/")
  }

  // MARK: - Commands

  /// Runs a docker command; a non-zero exit is a result, not an error.
  package func docker(
    _ arguments: [String], within limit: Duration = .seconds(60)
  ) async throws -> ProgramResult {
    try await Program("docker", arguments, environment: environment).run(within: limit)
  }

  /// Runs Compose (v1 or v2) in a directory; a non-zero exit is a result, not an error.
  package func compose(_ arguments: [String], in folder: String) async throws -> ProgramResult {
    let old = InstalledProgram.find("docker-compose")
    return try await Program(
      old ?? "docker", (old == nil ? ["compose"] : []) + arguments, environment: environment,
      workingDirectory: folder
    ).run(within: .seconds(120))
  }
}

extension Trait where Self == ConditionTrait {
  /// Skips the test if there is no Docker engine and none can be started; fails it if `CI=true`.
  package static var needsDocker: Self {
    .enabled("needs a Docker engine, or root and dockerd; scripts/install-deps installs it") {
      do {
        _ = try await DockerEngine.shared()
        return true
      } catch {
        guard InstalledProgram.nothingMayBeSkipped else { return false }
        throw HarnessError("no Docker engine, and with CI=true no test may be skipped: \(error)")
      }
    }
  }
}
