import ACME
import CertctlCrypto
import CertctlSystem
import FoundationEssentials
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlOperations
@testable import CertctlStore

/// Issuance without the names that fail validation, where the user allows it.
@Suite(.timeLimit(.minutes(10)))
struct PartialIssuanceTests {
  /// Runs a test with a CA that refuses these names until `repair` is called.
  private func withBench(
    refusing names: Set<String>,
    _ body: (ContextBench, _ repair: @Sendable () -> Void) async throws -> Void
  ) async throws {
    try await withTemporaryFolder(label: "partial") { folder in
      let bench = try ContextBench(folder)
      let ca = bench.ca
      let repaired = Recorder<Bool>()
      ca.configure { settings in
        settings.resources.remove("renewalInfo")
        let valid = settings.validate
        settings.validate = { attempt in
          names.contains(attempt.name) && repaired.all.isEmpty
            ? Problem(type: .dns, detail: "no such host", status: 400) : await valid?(attempt)
        }
      }
      try await body(bench) { repaired.add(true) }
    }
  }

  private func issue(_ bench: ContextBench, allowing: Bool = true) async throws -> IssueReport {
    try await bench.context.issue(
      bench.request("a.test", "b.test", "c.test") { $0.overrides.allowPartial = allowing })
  }

  private let name = "a.test"

  @Test(arguments: [["b.test"], ["b.test", "a.test"]])
  func `the other names are issued, and the certificate is degraded`(_ bad: [String]) async throws {
    try await withBench(refusing: Set(bad)) { bench, _ in
      let report = try #require(try await issue(bench).certificate)
      #expect(report.state == .degraded)
      #expect(report.missingNames?.sorted() == bad.sorted())
      #expect(report.names == ["a.test", "b.test", "c.test"])
      expectText(report.lastFailure?.message, mentions: "no such host")
      let chain = try Certificate.chain(
        pem: Array(try #require(bench.folder.read("state/live/a.test/fullchain.pem")).utf8))
      #expect(Set(chain[0].dnsNames) == Set(["a.test", "b.test", "c.test"]).subtracting(bad))
      #expect(bench.warnings.all.contains { $0.contains("left out b.test") })
    }
  }

  @Test func `without allow-partial nothing is issued`() async throws {
    try await withBench(refusing: ["b.test"]) { bench, _ in
      let error = await failure { try await issue(bench, allowing: false) }
      #expect(error?.code == .challengeFailed)
      #expect(error?.identifiers == [.dns("b.test")])
    }
  }

  @Test func `issuing fails if no name is left`() async throws {
    try await withBench(refusing: ["a.test", "b.test", "c.test"]) { bench, _ in
      #expect(await failure { try await issue(bench) }?.code == .challengeFailed)
      #expect(bench.ca.count(.newOrder) == 1)
    }
  }

  @Test func `missing names are retried at growing intervals without a new certificate`()
    async throws
  {
    try await withBench(refusing: ["b.test"]) { bench, _ in
      _ = try await issue(bench)
      bench.ca.resetLog()
      let held = try await bench.context.renew()
      #expect(held.certificates.map(\.outcome) == [.held])
      #expect(held.certificates[0].reason.contains("still missing: b.test"))
      #expect(bench.ca.count(.newOrder) == 0)
      for wait in [61.0, 601, 6001] {
        bench.clock.advance(wait)
        let run = try await bench.context.renew()
        #expect(run.certificates.map(\.outcome) == [.failed])
        #expect(run.exitCode == 1)
        #expect(try await bench.context.renew().certificates.map(\.outcome) == [.held])
      }
      #expect(bench.ca.count(.newOrder) == 3)
      #expect(bench.ca.count(.finalize) == 0)
      #expect(try await bench.context.show(LineageName(name)).generation == 1)
    }
  }

  @Test func `names that pass validation later are added, and the certificate is valid`()
    async throws
  {
    try await withBench(refusing: ["b.test"]) { bench, repair in
      _ = try await issue(bench)
      repair()
      bench.clock.advance(61)
      let run = try await bench.context.renew()
      #expect(run.certificates.map(\.outcome) == [.renewed])
      #expect(run.exitCode == 0)
      let report = try await bench.context.show(LineageName(name))
      #expect(report.state == .valid)
      #expect(report.missingNames == nil)
      #expect(report.generation == 2)
      #expect(try await bench.context.renew().exitCode == 0)
    }
  }

  @Test func `a due renewal continues without the missing names`() async throws {
    try await withBench(refusing: ["b.test"]) { bench, _ in
      _ = try await issue(bench)
      bench.advance(days: 63)
      let run = try await bench.context.renew()
      #expect(run.certificates.map(\.outcome) == [.renewed])
      #expect(run.certificates[0].missingNames == ["b.test"])
      #expect(run.exitCode == 1)
      #expect(try await bench.context.show(LineageName(name)).generation == 2)
    }
  }
}
