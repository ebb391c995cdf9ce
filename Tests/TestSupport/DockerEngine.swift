import FoundationEssentials
import Glibc
package import Testing

/// A Docker engine with an image shaped like the one that nginx publishes.
///
/// The machine's own engine where one answers, else one that is started for this test process and
/// ends with it (`Tests/docker-engine.sh`), which takes root.
package struct DockerEngine: Sendable {
  /// Changes to the environment of whoever is to reach it.
  package let environment: [String: String?]
  /// The image: nginx of this machine on port 80, and busybox.
  package let image: String

  /// The engine of this test process; started once, when a test first asks for it.
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

  /// Starts an engine that ends when this process does, however it ends.
  private static func launch() throws -> TemporaryFolder {
    guard geteuid() == 0, InstalledProgram.find("dockerd") != nil else {
      throw HarnessError("no Docker engine answers, and only root with dockerd can start one")
    }
    let folder = try TemporaryFolder(label: "docker")
    let script = checkout + "/Tests/docker-engine.sh"
    // The engine ends with its input, whose other end nobody but this process has, and nobody
    // closes; no other child gets it ("e").
    let command = "exec setsid bash '\(script)' '\(folder.path)' >/dev/null 2>&1"
    guard popen(command, "we") != nil else { throw HarnessError("cannot start \(script)") }
    return folder
  }

  /// Makes the image unless it is there: its tag names what it is made of.
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

  /// Runs a command of the engine; a failure is a result.
  package func docker(
    _ arguments: [String], within limit: Duration = .seconds(60)
  ) async throws -> ProgramResult {
    try await Program("docker", arguments, environment: environment).run(within: limit)
  }

  /// Runs Compose, the one or the other, in a folder; a failure is a result.
  package func compose(_ arguments: [String], in folder: String) async throws -> ProgramResult {
    let old = InstalledProgram.find("docker-compose")
    return try await Program(
      old ?? "docker", (old == nil ? ["compose"] : []) + arguments, environment: environment,
      workingDirectory: folder
    ).run(within: .seconds(120))
  }
}

extension Trait where Self == ConditionTrait {
  /// Skips the test where there is no Docker engine and none can be started; with `CI=true` it
  /// fails then.
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
