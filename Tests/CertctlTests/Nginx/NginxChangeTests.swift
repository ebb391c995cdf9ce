import CertctlSystem
import FoundationEssentials
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlServing
@testable import CertctlStore

/// Changes to the nginx configuration, with a runner in place of nginx.
struct NginxChangeTests {
  /// Refuses configurations with the word "nonsense" in `conf.d` and records the commands.
  private final class FakeNginx: CommandRunner {
    let name: String
    /// Whether reloads fail.
    let isStubborn: Bool
    private let log = Mutex<[String]>([])

    init(_ name: String = "nginx", isStubborn: Bool = false) {
      self.name = name
      self.isStubborn = isStubborn
    }

    /// The first option of each command: "-T" for a dry run, "-t" for a test, "-s" for a reload.
    var options: [String] { log.withLock { $0 } }

    func run(_ command: Command) async throws -> CommandResult {
      log.withLock { $0.append(command.arguments[0]) }
      switch command.arguments[0] {
      case "-T":
        let main = try #require(command.arguments.last)
        let folder = TemporaryFolder(existing: main.parentFolder + "/conf.d")
        let bad = ["a.conf", "b.conf"].first { folder.read($0)?.contains("nonsense") == true }
        return bad.map { .failed("nginx: [emerg] nonsense in \(folder.path)/\($0)") }
          ?? .said("# configuration file \(main):\nevents {}\n")
      case "-t": return .said("")
      default: return isStubborn ? .failed("nginx: [error] no") : .said("")
      }
    }
  }

  /// An nginx folder with one file for each of two parts, and a state directory.
  private struct Bench {
    let folder: TemporaryFolder
    let nginx: FakeNginx
    let clock = TestClock()

    init(_ folder: TemporaryFolder, isStubborn: Bool) throws {
      self.folder = folder
      nginx = FakeNginx(isStubborn: isStubborn)
      try folder.write("nginx/nginx.conf", "events {}\n")
      for name in ["a", "b"] { try folder.write("nginx/conf.d/\(name).conf", "old \(name)") }
    }

    var place: NginxInstallation {
      NginxInstallation(
        nginx: RunningNginx(pid: 1, executable: "/usr/sbin/nginx", options: [], unit: nil),
        folder: folder.path("nginx"), hostFolder: folder.path("nginx"), complaint: nil,
        configuration: NginxConfiguration(
          main: folder.path("nginx/nginx.conf"),
          texts: [folder.path("nginx/nginx.conf"): "events {}\n"]))
    }

    var deployment: NginxDeployment {
      var environment = Environment.failing
      environment.runner = nginx
      environment.clock = clock.wall
      return NginxDeployment(
        state: StateDirectory(path: folder.path("state")), environment: environment)
    }

    func file(_ name: String, _ text: String) -> FileChange {
      FileChange(
        folder.path("nginx/conf.d/\(name).conf"),
        .file(Array(text.utf8), FileAttributes(mode: 0o644)))
    }

    func part(
      _ name: String, _ text: String, canBeUndone: Bool = true
    ) -> NginxChange.Part {
      let files = [file(name, text)]
      return NginxChange.Part(
        name: name, files: files, configuration: files, certificates: [], canBeUndone: canBeUndone)
    }

    func reader(
      _ parts: Set<String> = ["a", "b"],
      prove: @escaping @Sendable () async throws -> [String: String] = { [:] }
    ) -> NginxChange.Reader {
      NginxChange.Reader(place: place, parts: parts) { _ in try await prove() }
    }

    /// The contents of the two files.
    var texts: [String?] { ["a", "b"].map { folder.read("nginx/conf.d/\($0).conf") } }

    /// Whether no transaction and no dry-run files are left.
    var isClean: Bool {
      let state = TemporaryFolder(existing: folder.path("state"))
      return !state.contents().contains {
        $0.hasPrefix("transactions/") || $0.hasPrefix("cache/stage")
      }
    }
  }

  private func withBench(
    isStubborn: Bool = false, _ body: (Bench) async throws -> Void
  ) async throws {
    try await withTemporaryFolder(label: "change") {
      try await body(Bench($0, isStubborn: isStubborn))
    }
  }

  /// Returns an outcome as one word, or the reason of a failure.
  private func word(_ outcome: NginxChange.Outcome?) -> String? {
    outcome.map {
      switch $0 {
      case .proved: "proved"
      case .refused: "refused"
      case .failed(let reason): reason
      }
    }
  }

  @Test func `an accepted and verified change takes one dry run and one reload`() async throws {
    try await withBench { bench in
      let parts = [bench.part("a", "new a"), bench.part("b", "new b")]
      let outcomes = try await bench.deployment.change(parts, at: [bench.reader()]).run()
      #expect(outcomes.mapValues { word($0) } == ["a": "proved", "b": "proved"])
      #expect(bench.texts == ["new a", "new b"])
      #expect(bench.nginx.options == ["-T", "-t", "-s"])
      #expect(bench.isClean)
    }
  }

  @Test func `a part that nginx refuses does not stop the others`() async throws {
    try await withBench { bench in
      let parts = [bench.part("a", "new a"), bench.part("b", "nonsense")]
      let outcomes = try await bench.deployment.change(parts, at: [bench.reader()]).run()
      #expect(word(outcomes["a"]) == "proved")
      guard case .refused(let error)? = outcomes["b"] else {
        Issue.record("\(outcomes)")
        return
      }
      #expect(error.code == .nginxRefused)
      // The path is the final one, not that of the dry run.
      #expect(error.message.contains("nonsense in \(bench.folder.path)/nginx/conf.d/b.conf"))
      #expect(bench.texts == ["new a", "old b"])
      // All parts, each part alone, then the accepted ones.
      #expect(bench.nginx.options == ["-T", "-T", "-T", "-T", "-t", "-s"])
      #expect(bench.isClean)
    }
  }

  @Test func `a refused part that cannot be undone is applied anyway`() async throws {
    try await withBench { bench in
      let parts = [bench.part("a", "nonsense", canBeUndone: false)]
      let outcomes = try await bench.deployment.change(parts, at: [bench.reader()]).run()
      #expect(word(outcomes["a"]) == "refused")
      #expect(bench.texts == ["nonsense", "old b"])
      #expect(bench.isClean)
    }
  }

  @Test func `only the part that fails verification is undone, with a second reload`() async throws
  {
    try await withBench { bench in
      let parts = [bench.part("a", "new a"), bench.part("b", "new b")]
      let reader = bench.reader { ["a": "not served"] }
      let outcomes = try await bench.deployment.change(parts, at: [reader]).run()
      #expect(outcomes.mapValues { word($0) } == ["a": "not served", "b": "proved"])
      #expect(bench.texts == ["old a", "new b"])
      #expect(bench.nginx.options == ["-T", "-t", "-s", "-t", "-s"])
      #expect(bench.isClean)
    }
  }

  @Test func `a failure at one nginx counts even if another one verifies the part`() async throws {
    try await withBench { bench in
      for isFirst in [true, false] {
        let good = bench.reader()
        let bad = bench.reader(["a"]) { ["a": "not served"] }
        let outcomes = try await bench.deployment
          .change([bench.part("a", "new a")], at: isFirst ? [bad, good] : [good, bad]).run()
        #expect(word(outcomes["a"]) == "not served")
        #expect(bench.texts == ["old a", "old b"])
      }
    }
  }

  @Test func `a failed reload restores all files`() async throws {
    try await withTemporaryFolder(label: "change") { folder in
      let bench = try Bench(folder, isStubborn: true)
      let warnings = Mutex<[String]>([])
      var environment = bench.deployment.environment
      environment.console.warn = { warning in warnings.withLock { $0.append(warning) } }
      let deployment = NginxDeployment(state: bench.deployment.state, environment: environment)
      let outcomes = try await deployment.change([bench.part("a", "new a")], at: [bench.reader()])
        .run()
      let reason = "/usr/sbin/nginx -s reload failed: no"
      #expect(word(outcomes["a"]) == reason)
      #expect(bench.texts == ["old a", "old b"])
      #expect(
        warnings.withLock { $0 } == [
          "restored the previous configuration, but \(reason)"
        ])
      #expect(bench.isClean)
    }
  }

  @Test func `a verification that throws restores all files`() async throws {
    try await withBench { bench in
      let parts = [bench.part("a", "new a"), bench.part("b", "new b")]
      let failing = bench.reader { throw CertctlError(.configuration, "no port", hint: "one") }
      let error = await #expect(throws: CertctlError.self) {
        try await bench.deployment.change(parts, at: [failing]).run()
      }
      #expect(error?.code == .deploymentFailed)
      #expect(error?.message == "no port")
      #expect(error?.hint == "one; all files were restored")
      #expect(bench.texts == ["old a", "old b"])
      let cancelled = bench.reader { throw CancellationError() }
      await #expect(throws: CancellationError.self) {
        try await bench.deployment.change(parts, at: [cancelled]).run()
      }
      #expect(bench.texts == ["old a", "old b"])
      #expect(bench.nginx.options.filter { $0 == "-s" }.count == 4)
      #expect(bench.isClean)
    }
  }

  @Test func `a change that no nginx reads is applied without a test`() async throws {
    try await withBench { bench in
      let outcomes = try await bench.deployment.change([bench.part("a", "nonsense")], at: []).run()
      #expect(outcomes.isEmpty)
      #expect(bench.texts == ["nonsense", "old b"])
      #expect(bench.nginx.options.isEmpty)
    }
  }

  // MARK: - Sites

  private func change(
    _ bench: Bench, _ text: String, prove: @escaping @Sendable () async throws -> Void = {}
  ) -> SiteChange {
    SiteChange(
      deployment: bench.deployment, place: bench.place, name: "a",
      files: [bench.file("a", text)], prove: prove)
  }

  @Test func `a site that is up to date is verified without a reload`() async throws {
    try await withBench { bench in
      chmod(bench.folder.path("nginx/conf.d/a.conf"), 0o644)
      let count = Mutex(0)
      try await change(bench, "old a") { count.withLock { $0 += 1 } }.run()
      #expect(count.withLock { $0 } == 1)
      #expect(bench.nginx.options.isEmpty)
      try await change(bench, "new a") { count.withLock { $0 += 1 } }.run()
      #expect(count.withLock { $0 } == 2)
      #expect(bench.nginx.options == ["-T", "-t", "-s"])
      #expect(bench.texts == ["new a", "old b"])
    }
  }

  @Test func `a refused or unverified site is an error`() async throws {
    try await withBench { bench in
      let refused = await #expect(throws: CertctlError.self) {
        try await change(bench, "nonsense").run()
      }
      #expect(refused?.code == .nginxRefused)
      expectText(refused?.hint, mentions: "nothing was changed")
      let failed = await #expect(throws: CertctlError.self) {
        try await change(bench, "new a") { throw CertctlError(.deploymentFailed, "404") }.run()
      }
      #expect(failed?.code == .deploymentFailed)
      #expect(failed?.message == "404")
      #expect(failed?.hint == "all files were restored")
      #expect(bench.texts == ["old a", "old b"])
      #expect(bench.isClean)
    }
  }
}
