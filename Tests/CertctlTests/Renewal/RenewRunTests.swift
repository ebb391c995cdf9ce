import ACME
import CertctlSystem
import FoundationEssentials
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlOperations
@testable import CertctlStore

/// Runs of `renew` over a few lineages, with a CA in this process.
@Suite(.timeLimit(.minutes(10)))
struct RenewRunTests {
  private func withBench(
    _ names: [String] = ["a.test", "b.test"], _ configuration: Configuration = .init(),
    _ body: (ContextBench) async throws -> Void
  ) async throws {
    try await withTemporaryFolder(label: "renew") { folder in
      let bench = try ContextBench(folder, configuration: configuration)
      for name in names { _ = try await bench.context.issue(bench.request(name)) }
      bench.ca.resetLog()
      try await body(bench)
    }
  }

  private func generation(_ bench: ContextBench, _ name: String) async throws -> Int? {
    try await bench.context.show(LineageName(name)).generation
  }

  // MARK: - Schedule

  @Test func `with nothing due, renewal information is requested again only after Retry-After`()
    async throws
  {
    try await withBench { bench in
      let first = try await bench.context.renew()
      #expect(first.certificates.map(\.outcome) == [.unchanged, .unchanged])
      #expect(first.exitCode == 0)
      #expect(bench.ca.kinds == [.renewalInfo, .renewalInfo])
      bench.ca.resetLog()
      let second = try await bench.context.renew()
      #expect(second.certificates.isEmpty)
      #expect(second.quiet == 2)
      #expect(second.nextLineage != nil)
      #expect(bench.ca.count() == 0)
      // Retry-After is six hours.
      bench.clock.advance(6 * 3600 + 1)
      _ = try await bench.context.renew()
      #expect(bench.ca.kinds == [.renewalInfo, .renewalInfo])
    }
  }

  @Test func `due certificates are renewed once, and each order names what it replaces`()
    async throws
  {
    try await withBench { bench in
      bench.advance(days: 80)
      let report = try await bench.context.renew()
      #expect(report.certificates.map(\.outcome) == [.renewed, .renewed])
      #expect(report.exitCode == 0)
      let orders = bench.ca.requests.filter { $0.kind == .newOrder }
      #expect(orders.count == 2)
      #expect(orders.allSatisfy { $0.payload["replaces"].string?.contains(".") == true })
      #expect(Set(orders.map { $0.payload["replaces"].string }).count == 2)
      #expect(bench.ca.count(.newAccount) == 0)
      #expect(try await generation(bench, "a.test") == 2)
      let again = try await bench.context.renew()
      #expect(again.certificates.allSatisfy { $0.outcome == .unchanged })
      #expect(bench.ca.count(.newOrder) == 2)
    }
  }

  @Test func `a window in the past renews immediately and is given as the reason`() async throws {
    try await withBench(["a.test"]) { bench in
      let now = bench.clock.now
      bench.ca.configure { $0.renewalWindow = (now - 86400, now - 3600) }
      let report = try await bench.context.renew()
      #expect(report.certificates[0].outcome == .renewed)
      #expect(report.certificates[0].reason.contains("the CA suggests"))
    }
  }

  @Test func `a window in the future is awaited, and the chosen time is kept`() async throws {
    try await withBench(["a.test"]) { bench in
      let start = bench.clock.now + 20 * 86400
      bench.ca.configure { $0.renewalWindow = (start, start + 5 * 86400) }
      let first = try await bench.context.renew(RenewRequest(names: [LineageName("a.test")]))
      let instant = try #require(first.certificates[0].next)
      #expect((start...start + 5 * 86400).contains(instant))
      bench.advance(days: 1)
      let second = try await bench.context.renew(RenewRequest(names: [LineageName("a.test")]))
      #expect(second.certificates[0].next == instant)
      #expect(second.certificates[0].outcome == .unchanged)
      bench.clock.advance(instant.timeIntervalSince(bench.clock.now))
      #expect(try await bench.context.renew().certificates[0].outcome == .renewed)
    }
  }

  @Test func `a CA without renewal information is queried at most once a day`() async throws {
    try await withBench(["a.test"]) { bench in
      bench.ca.configure { $0.resources.remove("renewalInfo") }
      try bench.forgetDirectories()
      _ = try await bench.context.renew()
      #expect(bench.ca.kinds == [.directory])
      _ = try await bench.context.renew()
      #expect(bench.ca.count() == 1)
      bench.advance(days: 63)
      #expect(try await bench.context.renew().certificates[0].outcome == .renewed)
      let order = bench.ca.requests.first { $0.kind == .newOrder }
      #expect(order?.payload["replaces"].string == nil)
    }
  }

  @Test func `a revoked certificate is renewed immediately`() async throws {
    try await withBench { bench in
      _ = try await bench.context.revoke(LineageName("b.test"), reason: .superseded)
      let report = try await bench.context.renew()
      #expect(report.certificates.map(\.outcome) == [.unchanged, .renewed])
      #expect(report.certificates[1].reason.contains("revoked"))
    }
  }

  @Test func `force renews only the named certificates, even if not due`() async throws {
    try await withBench { bench in
      let request = RenewRequest(names: [try LineageName("a.test")], force: true)
      let report = try await bench.context.renew(request)
      #expect(report.certificates.map(\.lineage) == ["a.test"])
      #expect(try await generation(bench, "a.test") == 2)
      #expect(try await generation(bench, "b.test") == 1)
    }
  }

  @Test func `an unknown name fails the whole run`() async throws {
    try await withBench { bench in
      let error = await failure {
        try await bench.context.renew(RenewRequest(names: [LineageName("c.test")], force: true))
      }
      #expect(error?.code == .notFound)
      #expect(bench.ca.count() == 0)
    }
  }

  @Test func `a dry run reports what is due without requests or hooks`() async throws {
    try await withBench { bench in
      try bench.hook("pre")
      try bench.hook("deploy")
      bench.advance(days: 80)
      let report = try await bench.context.renew(RenewRequest(dryRun: true))
      #expect(report.certificates.map(\.outcome) == [.due, .due])
      #expect(report.certificates[0].reason.contains("lifetime"))
      #expect(bench.ca.count() == 0)
      #expect(bench.takeHookLog().isEmpty)
      #expect(try await generation(bench, "a.test") == 1)
    }
  }

  // MARK: - Failures

  @Test func `a failure does not stop the others, and the next run does not retry at once`()
    async throws
  {
    try await withBench(["a.test", "b.test", "c.test"]) { bench in
      bench.advance(days: 63)
      let webroot = bench.webroot
      bench.ca.configure { settings in
        let valid = settings.validate
        settings.validate = { attempt in
          attempt.name == "b.test"
            ? Problem(type: .connection, detail: "refused", status: 400) : await valid?(attempt)
        }
      }
      let report = try await bench.context.renew()
      #expect(report.certificates.map(\.outcome) == [.renewed, .failed, .renewed])
      #expect(report.exitCode == 1)
      #expect(report.certificates[1].error?.code == "challengeFailed")
      #expect(report.certificates[1].failures == 1)
      let left = try FileManager.default.subpathsOfDirectory(atPath: webroot)
      #expect(!left.contains { $0.hasPrefix(".well-known/acme-challenge/") })
      bench.ca.resetLog()
      func outcome() async throws -> RenewalResult.Outcome? {
        try await bench.context.renew().certificates.first { $0.lineage == "b.test" }?.outcome
      }
      #expect(try await outcome() == .held)
      #expect(try await bench.context.renew().exitCode == 75)
      #expect(bench.ca.count(.newOrder) == 0)
      // It is retried after one minute, then after ten.
      bench.clock.advance(61)
      #expect(try await outcome() == .failed)
      bench.clock.advance(61)
      #expect(try await outcome() == .held)
      bench.clock.advance(600)
      #expect(try await outcome() == .failed)
    }
  }

  @Test func `an unreachable CA is tried once, and is urgent only in the last quarter`()
    async throws
  {
    try await withBench { bench in
      bench.advance(days: 63)
      bench.ca.configure { $0.resources.remove("renewalInfo") }
      bench.ca.inject(.refuseConnection, on: .newNonce, times: 100)
      let report = try await bench.context.renew(RenewRequest(jobs: 1))
      #expect(report.certificates.map(\.outcome) == [.failed, .postponed])
      #expect(report.exitCode == 75)
      #expect(report.certificates.allSatisfy { !$0.isUrgent })
      bench.advance(days: 8)
      let urgent = try await bench.context.renew(RenewRequest(jobs: 1))
      #expect(urgent.certificates.allSatisfy { $0.isUrgent })
      #expect(urgent.exitCode == 1)
      bench.advance(days: 1)
      bench.ca.dropFaults()
      let good = try await bench.context.renew()
      #expect(good.certificates.map(\.outcome) == [.renewed, .renewed])
      #expect(good.exitCode == 0)
    }
  }

  @Test(arguments: [false, true])
  func `an account unknown to the CA is registered again with the same key`(
    force: Bool
  ) async throws {
    try await withBench { bench in
      let before = try await bench.context.listAccounts()
      bench.ca.forgetAccounts()
      bench.advance(days: 63)
      let report = try await bench.context.renew(RenewRequest(force: force, jobs: 1))
      #expect(report.certificates.map(\.outcome) == [.renewed, .renewed])
      #expect(bench.ca.count(.newAccount) == 1)
      let after = try await bench.context.listAccounts()
      #expect(after.map(\.thumbprint) == before.map(\.thumbprint))
      #expect(bench.warnings.all.contains { $0.contains("registering the account again") })
    }
  }

  @Test func `a lineage locked by another process is skipped, and the process is named`()
    async throws
  {
    try await withBench { bench in
      bench.advance(days: 63)
      let lock = try await bench.state.lock(
        "lineage-a.test", wait: .zero, clock: bench.context.environment.clock)
      let report = try await bench.context.renew()
      lock.release()
      #expect(report.certificates.map(\.outcome) == [.locked, .renewed])
      expectText(report.certificates[0].error?.message, mentions: "process ")
      #expect(report.exitCode == 75)
    }
  }

  @Test func `leftovers of a finished order from an interrupted run are removed`() async throws {
    try await withBench { bench in
      _ = try await bench.context.renew()
      // A kill between two removals leaves a key without an order.
      try bench.folder.write("state/pending/a.test/privkey.pem", "key")
      let report = try await bench.context.renew()
      #expect(report.certificates.map(\.outcome) == [.unchanged])
      #expect(!bench.folder.contains("state/pending/a.test"))
      #expect(try await bench.context.renew().certificates.isEmpty)
    }
  }

  @Test func `a damaged lineage is reported and does not stop the others`() async throws {
    try await withBench { bench in
      bench.advance(days: 63)
      try bench.folder.write("state/lineages/a.test.json", "{")
      let report = try await bench.context.renew()
      #expect(report.certificates.map(\.outcome) == [.failed, .renewed])
      #expect(report.certificates[0].error?.code == "damagedState")
      #expect(report.exitCode == 1)
      #expect(bench.folder.read("state/lineages/a.test.json") == "{")
    }
  }
}
