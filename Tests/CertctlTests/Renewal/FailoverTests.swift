import ACME
import CertctlBase
import CertctlCrypto
import CertctlSystem
import FoundationEssentials
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlIssuing
@testable import CertctlOperations
@testable import CertctlStore

/// Fallback CAs: used if a CA is unavailable, but not after a failed validation.
@Suite(.timeLimit(.minutes(10)))
struct FailoverTests {
  /// An HTTP client for two CAs, selected by the host of the URL.
  private struct Authorities: HTTPClient {
    let first: FakeCA
    let second: FakeCA

    func send(_ request: HTTPRequest) async throws -> HTTPResponse {
      try await (request.url.hasPrefix("https://spare.test") ? second : first).send(request)
    }
  }

  private struct Bench {
    let clock = TestClock()
    let first: FakeCA
    let second: FakeCA
    let context: Context
    let warnings = Recorder<String>()
    let webroot: String

    init(_ folder: TemporaryFolder) throws {
      first = try FakeCA(clock: clock)
      second = try FakeCA(clock: clock)
      second.configure { $0.base = "https://spare.test" }
      let root = try folder.makeFolder("www")
      webroot = root
      for ca in [first, second] {
        ca.configure { settings in
          settings.validate = { attempt in
            readText("\(root)/.well-known/acme-challenge/\(attempt.token)")
              == attempt.keyAuthorization ? nil : Problem(type: .unauthorized, status: 403)
          }
        }
      }
      var environment = Environment.of(first, clock)
      let both = Authorities(first: first, second: second)
      environment.http = { _ in both }
      environment.console.warn = { [warnings] in warnings.add($0) }
      context = Context(
        stateDirectory: folder.path("state"), configDirectory: folder.path("etc"),
        lockTimeout: .zero, environment: environment)
    }

    func issue(_ name: String = "a.test") async throws -> IssueReport {
      var request = IssueRequest(
        names: [try Identifier(parsing: name)], registration: Registration(terms: .agreed))
      request.overrides.authorities = [first.directoryURL, second.directoryURL]
      request.overrides.webroot = webroot
      return try await context.issue(request)
    }
  }

  private func withBench(_ body: (Bench) async throws -> Void) async throws {
    try await withTemporaryFolder(label: "failover") { try await body(Bench($0)) }
  }

  @Test func `the first CA issues, and the account at the fallback CA is created ahead`()
    async throws
  {
    try await withBench { bench in
      let report = try await bench.issue()
      #expect(report.certificate?.directoryURL == bench.first.directoryURL)
      #expect(bench.second.count(.newAccount) == 1)
      #expect(bench.second.count(.newOrder) == 0)
    }
  }

  @Test
  func `the fallback CA issues while the first is unreachable, then the first again`()
    async throws
  {
    try await withBench { bench in
      _ = try await bench.issue()
      bench.clock.advance(63 * 86400)
      bench.first.inject(.refuseConnection, on: .newNonce, times: 1000)
      bench.first.inject(.refuseConnection, on: .renewalInfo, times: 1000)
      let report = try await bench.context.renew()
      #expect(report.certificates.map(\.outcome) == [.renewed])
      #expect(report.exitCode == 0)
      let name = try LineageName("a.test")
      #expect(
        try await bench.context.show(name).directoryURL == bench.second.directoryURL)
      // The order does not refer to the first CA's certificate.
      let order = try #require(bench.second.requests.first { $0.kind == .newOrder })
      #expect(order.payload["replaces"].string == nil)
      #expect(bench.warnings.all.contains { $0.contains("trying \(bench.second.directoryURL)") })
      let quiet = try await bench.context.renew()
      #expect(quiet.certificates.allSatisfy { $0.outcome == .unchanged })
      bench.first.dropFaults()
      bench.clock.advance(70 * 86400)
      #expect(try await bench.context.renew().certificates.map(\.outcome) == [.renewed])
      #expect(try await bench.context.show(name).directoryURL == bench.first.directoryURL)
    }
  }

  @Test func `a failed validation does not use the fallback CA`() async throws {
    try await withBench { bench in
      bench.first.configure { settings in
        settings.validate = { _ in Problem(type: .connection, status: 400) }
      }
      let error = await failure { try await bench.issue() }
      #expect(error?.code == .challengeFailed)
      #expect(bench.second.count() == 0)
    }
  }

  @Test(arguments: [(2.0, false), (60.0, true)])
  func `a rate limit is waited out unless it outlasts the certificate`(
    days: Double, goesOn: Bool
  ) async throws {
    try await withBench { bench in
      _ = try await bench.issue()
      bench.clock.advance(63 * 86400)
      bench.second.resetLog()
      let limited = Fault.problem(
        "rateLimited", status: 429,
        headers: [HTTPField(name: "Retry-After", value: String(Int(days * 86400)))])
      bench.first.inject(limited, on: .newOrder, times: 1000)
      let report = try await bench.context.renew()
      #expect(report.certificates.map(\.outcome) == [goesOn ? .renewed : .failed])
      #expect(report.exitCode == (goesOn ? 0 : 75))
      #expect(bench.second.count(.newOrder) == (goesOn ? 1 : 0))
      guard !goesOn else { return }
      // The CA's Retry-After is respected.
      let named = bench.clock.now + (days - 0.1) * 86400
      #expect((report.certificates[0].next ?? .distantPast) > named)
    }
  }

  @Test func `an unreachable fallback CA is a warning`() async throws {
    try await withBench { bench in
      bench.second.inject(.refuseConnection, on: .directory, times: 1000)
      let report = try await bench.issue()
      #expect(report.outcome == .issued)
      #expect(
        bench.warnings.all.contains {
          $0.contains("at the fallback CA \(bench.second.directoryURL)")
        })
    }
  }
}
