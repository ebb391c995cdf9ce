import ACME
import FoundationEssentials
import PKI
import TestSupport
import Testing

@testable import Certctl

struct IssuePlanTests {
  private let ca: TestCA
  private let now = TestClock().now
  private let leaf: Certificate

  init() throws {
    ca = try TestCA(now: now)
    leaf = try issued(ca, "example.com", from: now).leaf
  }

  private func plan(
    _ wanted: LineageSettings, issued: LineageSettings? = settings("example.com"),
    leaf: Certificate?, isRevoked: Bool = false, force: Bool = false, after days: Double = 0
  ) throws -> IssuePlan {
    try IssuePlan(
      settings: wanted, issued: issued, leaf: leaf, isRevoked: isRevoked, force: force,
      now: now.addingTimeInterval(days * 86400))
  }

  private func reason(_ plan: IssuePlan) -> String? {
    if case .issue(let reason) = plan { reason } else { nil }
  }

  @Test func `without a certificate, one is issued`() throws {
    let wanted = settings("example.com")
    #expect(reason(try plan(wanted, leaf: nil)) == "there is no certificate yet")
    #expect(reason(try plan(wanted, issued: nil, leaf: leaf)) == "there is no certificate yet")
  }

  @Test func `with the same names and nothing due, nothing is done`() throws {
    guard case .nothing(let reason) = try plan(settings("example.com"), leaf: leaf) else {
      Issue.record("it wants to issue")
      return
    }
    #expect(reason.contains(leaf.notAfter.rfc3339))
  }

  @Test func `the order of the names does not matter`() throws {
    let plan = try plan(
      settings("b.test", "a.test"), issued: settings("a.test", "b.test"), leaf: leaf)
    #expect(reason(plan) == nil)
  }

  @Test func `force issues although nothing is due`() throws {
    #expect(
      reason(try plan(settings("example.com"), leaf: leaf, force: true)) == "--force was given")
  }

  @Test func `a name more is a new certificate`() throws {
    let plan = try plan(settings("example.com", "www.example.com"), leaf: leaf)
    #expect(reason(plan) == "new names: www.example.com")
  }

  @Test func `a name less is refused, and named`() throws {
    let issued = settings("example.com", "www.example.com")
    let error = #expect(throws: CertctlError.self) {
      try plan(settings("example.com"), issued: issued, leaf: leaf)
    }
    expectError(error, code: .refused, mentions: "www.example.com", hint: "--force")
    #expect(error?.exitCode == 1)
  }

  @Test func `a name less is allowed by force`() throws {
    let issued = settings("example.com", "www.example.com")
    #expect(
      reason(try plan(settings("example.com"), issued: issued, leaf: leaf, force: true)) != nil)
  }

  @Test func `a wildcard in place of the domain itself is refused`() throws {
    let error = #expect(throws: CertctlError.self) {
      try plan(settings("*.example.com"), leaf: leaf)
    }
    #expect(error?.code == .refused)
  }

  static let changes: [(@Sendable (inout LineageSettings) -> Void, String)] = [
    ({ $0.authorities = ["zerossl"] }, "another CA is wanted"),
    ({ $0.keyType = .rsa2048 }, "another key type is wanted: rsa2048"),
    ({ $0.profile = "shortlived" }, "another profile is wanted"),
    ({ $0.preferredChain = "Another Root" }, "another chain is wanted"),
  ]

  @Test(arguments: changes.indices)
  func `another CA, key type, profile or chain is a new certificate`(_ index: Int) throws {
    let (change, words) = Self.changes[index]
    #expect(reason(try plan(settings("example.com", change: change), leaf: leaf)) == words)
  }

  @Test func `another webroot or file mode waits for the renewal`() throws {
    let wanted = settings("example.com") {
      $0.challenge = ChallengeSettings(type: .http01, webroot: "/srv")
      $0.files.keyMode = "0640"
      $0.reuseKey = true
    }
    #expect(reason(try plan(wanted, leaf: leaf)) == nil)
  }

  @Test func `a revoked certificate is replaced`() throws {
    let plan = try plan(settings("example.com"), leaf: leaf, isRevoked: true)
    #expect(reason(plan) == "the certificate in use was revoked")
  }

  @Test func `a certificate is replaced from its due date on`() throws {
    #expect(reason(try plan(settings("example.com"), leaf: leaf, after: 59.9)) == nil)
    #expect(reason(try plan(settings("example.com"), leaf: leaf, after: 60)) != nil)
    #expect(reason(try plan(settings("example.com"), leaf: leaf, after: 1000)) != nil)
  }

  @Test func `the due date leaves a third of a lifetime, or half of a short one`() {
    let due = { (days: Double) in
      RenewalSchedule.dueDate(notBefore: now, notAfter: now.addingTimeInterval(days * 86400))
        .timeIntervalSince(now) / 86400
    }
    #expect(abs(due(90) - 60) < 0.001)
    #expect(abs(due(10) - 6.6667) < 0.001)
    #expect(abs(due(6) - 3) < 0.001)
    #expect(abs(due(1) - 0.5) < 0.001)
  }

  @Test func `the last quarter of a lifetime is urgent`() {
    let isUrgent = { (days: Double) in
      RenewalSchedule.isUrgent(
        notBefore: now, notAfter: now.addingTimeInterval(100 * 86400),
        now: now.addingTimeInterval(days * 86400))
    }
    #expect(!isUrgent(74.9))
    #expect(isUrgent(75.1))
    #expect(isUrgent(200))
  }
}
