import ACME
import CertctlCrypto
import CertctlSystem
import FoundationEssentials
import Logging
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlIssuing
@testable import CertctlStore

/// The ledger on disk, which postpones orders that would exceed a rate limit, across runs.
struct LedgerStoreTests {
  /// The number of immediate orders under a limit of five.
  ///
  /// The last one waits a little, because the CA counts later than certctl.
  private let atOnce = 4
  private let directory = "https://acme-v02.api.letsencrypt.org/directory"

  private func order(_ names: String..., replacing: Bool = false) -> OrderUsage {
    OrderUsage(
      directory: directory, account: "a", identifiers: names.map { .dns($0) },
      isReplacement: replacing)
  }

  private func withLedger(
    _ body: (LedgerStore, TestClock, TemporaryFolder) async throws -> Void
  ) async throws {
    try await withState { state, folder in
      let clock = TestClock()
      let store = LedgerStore(
        state: state, clock: clock.wall,
        logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
        warn: { Issue.record("warned: \($0)") })
      try await body(store, clock, folder)
    }
  }

  @Test func `an order beyond the limit for the same names is postponed with a time`() async throws
  {
    try await withLedger { ledger, clock, _ in
      for _ in 0..<atOnce { try await ledger.reserve(order("a.test"), heedsLimits: true) }
      let error = await failure {
        try await ledger.reserve(order("a.test"), heedsLimits: true)
      }
      #expect(error?.code == .postponed)
      #expect(error?.exitCode == 75)
      let until = try #require(error?.retryAfter)
      #expect((clock.now...clock.now + 7 * 86400).contains(until))
      // Other names, forced orders and orders with `replaces` are not limited.
      try await ledger.reserve(order("b.test"), heedsLimits: true)
      try await ledger.reserve(order("a.test"), heedsLimits: false)
      try await ledger.reserve(order("a.test", replacing: true), heedsLimits: true)
      clock.advance(until.timeIntervalSince(clock.now) + 2 * 86400)
      try await ledger.reserve(order("a.test"), heedsLimits: true)
    }
  }

  @Test func `a failed order returns its reservation`() async throws {
    try await withLedger { ledger, _, _ in
      for _ in 0..<20 {
        try await ledger.reserve(order("a.test"), heedsLimits: true)
        await ledger.noteFailure(of: order("a.test"), names: [])
      }
    }
  }

  @Test func `failed validations of a name postpone its next order`() async throws {
    try await withLedger { ledger, clock, _ in
      for _ in 0..<atOnce {
        try await ledger.reserve(order("a.test"), heedsLimits: true)
        await ledger.noteFailure(of: order("a.test"), names: [.dns("a.test")])
      }
      let error = await failure {
        try await ledger.reserve(order("a.test"), heedsLimits: true)
      }
      expectError(error, mentions: "failed validations of a.test")
      clock.advance(3600)
      try await ledger.reserve(order("a.test"), heedsLimits: true)
    }
  }

  @Test func `concurrent orders do not exceed the limit`() async throws {
    try await withLedger { ledger, _, _ in
      let allowed = await withTaskGroup(of: Bool.self) { group in
        for _ in 0..<20 {
          group.addTask {
            (try? await ledger.reserve(order("a.test"), heedsLimits: true)) != nil
          }
        }
        return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
      }
      #expect(allowed == atOnce)
    }
  }

  @Test func `a damaged ledger is recreated, and a CA without limits needs none`() async throws {
    try await withLedger { ledger, _, folder in
      var unknown = order("a.test")
      unknown.directory = "https://ca.test/dir"
      try await ledger.reserve(unknown, heedsLimits: true)
      #expect(!folder.contains("state/cache/ledger.json"))
      try await ledger.reserve(order("a.test"), heedsLimits: true)
      try folder.write("state/cache/ledger.json", "{")
      try await ledger.reserve(order("a.test"), heedsLimits: true)
      #expect(folder.read("state/cache/ledger.json")?.contains("set ") == true)
    }
  }

  @Test func `the issuer counts an order before placing it and sends none if postponed`()
    async throws
  {
    try await withState { state, _ in
      let bench = try await IssuerBench(state)
      var issuer = bench.issuer(settings("a.test"))
      issuer.directory = directory
      for _ in 0..<atOnce {
        _ = try await issuer.obtain()
        try await bench.pending.discard(exampleName)
      }
      bench.ca.resetLog()
      let error = await failure { try await issuer.obtain() }
      #expect(error?.code == .postponed)
      #expect(bench.ca.count(.newOrder) == 0)
    }
  }
}
