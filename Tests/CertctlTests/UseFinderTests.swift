import CertctlSystem
import Logging
import Synchronization
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlOperations
@testable import CertctlServing
@testable import CertctlStore

/// Who uses a certificate, as `show` tells it: what cannot be found out is unknown, and no failure.
struct UseFinderTests {
  /// Keeps what is logged.
  private struct Recorder: LogHandler {
    let lines: @Sendable (String) -> Void
    var logLevel = Logger.Level.info
    var metadata: Logger.Metadata = [:]

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { lines("\(event.message)") }
  }

  /// An nginx that never answers.
  private struct SilentRunner: CommandRunner {
    func run(_ command: Command) async throws -> CommandResult {
      try await Task.sleep(for: .seconds(3600))
      return .said("")
    }
  }

  /// A bench with one certificate, and what is logged.
  private func withCertificate(
    change: (inout Environment) -> Void = { _ in },
    _ body: (ContextBench, LineageName, () -> [String]) async throws -> Void
  ) async throws {
    try await withTemporaryFolder(label: "uses") { folder in
      let log = Log()
      let bench = try ContextBench(folder) { environment in
        environment.console.logger = Logger(label: "test") { _ in
          Recorder(lines: { log.add($0) })
        }
        change(&environment)
      }
      _ = try await bench.context.issue(bench.request("example.com"))
      try await body(bench, LineageName("example.com"), { log.all })
    }
  }

  private final class Log: Sendable {
    private let lines = Mutex<[String]>([])
    func add(_ line: String) { lines.withLock { $0.append(line) } }
    var all: [String] { lines.withLock { $0 } }
  }

  @Test func `without an nginx that runs, nobody knows`() async throws {
    try await withCertificate { bench, name, _ in
      let report = try await bench.context.run(ShowOperation(name, findsUses: true))
      #expect(report.usedByNginx == nil && report.nginx == nil)
      #expect(report.sites?.isEmpty == true)
      // The other commands do not even look.
      let plain = try await bench.context.show(name)
      #expect(plain.sites == nil)
    }
  }

  @Test func `a damaged site is told in the log, and show goes on`() async throws {
    try await withCertificate { bench, name, log in
      try bench.folder.write("state/sites/bad.json", "{")
      let report = try await bench.context.run(ShowOperation(name, findsUses: true))
      #expect(report.sites == nil && report.usedByNginx == nil)
      #expect(report.state == .valid)
      #expect(log().contains { $0.hasPrefix("cannot tell which sites use example.com: ") })
      #expect(log().contains { $0.hasPrefix("cannot tell whether nginx uses example.com: ") })
    }
  }

  @Test func `an nginx that does not answer is not waited for`() async throws {
    let program = try TrustedPath("/usr/bin/env", .program)
    let process = RunningProcess(
      pid: 7, title: RunningNginx.title + "/usr/bin/env", users: .init(SystemAccount.current),
      program: .file(
        program.resolvedPath, .init(stamp: program.stamp, isDeleted: false, isSetuid: false)))
    try await withCertificate { environment in
      environment.runner = SilentRunner()
    } _: { bench, name, log in
      var environment = bench.context.environment
      environment.findProcesses = { _ in [process] }
      let context = bench.context.with(environment)
      var report = try await context.show(name)
      try await UseFinder(context: context, patience: .milliseconds(50)).find(name, &report)
      #expect(report.usedByNginx == nil)
      #expect(report.sites?.isEmpty == true)
      #expect(
        log().contains { $0.contains("nginx did not answer within 0.05 seconds") }, "\(log())")
    }
  }
}
