import ACME
import CertctlCrypto
import FoundationEssentials
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlIssuing
@testable import CertctlOperations
@testable import CertctlStore

/// The renewal decision of `issue`: that of `renew` and `list` for the requested settings.
struct IssueDecisionTests {
  private let ca: TestCA
  private let now = TestClock().now
  private let leaf: Certificate

  init() throws {
    ca = try TestCA(now: now)
    leaf = try issued(ca, "example.com", from: now).leaf
  }

  private func decision(
    _ wanted: LineageSettings, issued: LineageSettings? = settings("example.com"),
    leaf: Certificate?, schedule: RenewalState? = nil, isRevoked: Bool = false,
    after days: Double = 0
  ) throws -> RenewalDecision {
    var lineage = Lineage(name: "example.com", settings: issued ?? wanted)
    lineage.schedule = schedule
    if let issued {
      lineage.issuance = Lineage.Issuance(
        directory: "https://ca.test/directory", account: "1", settings: issued, date: now)
    }
    if isRevoked, let leaf { lineage.noteRevoked([leaf], now: now) }
    return RenewalDecision(
      of: lineage, leaf.map { [$0] }, wanting: wanted, now: now.addingTimeInterval(days * 86400))
  }

  private func reason(_ decision: RenewalDecision) -> String? {
    decision.isDue ? decision.reason.description : nil
  }

  @Test func `without a certificate, one is issued`() throws {
    let wanted = settings("example.com")
    #expect(reason(try decision(wanted, leaf: nil)) == "there is no certificate yet")
    #expect(reason(try decision(wanted, issued: nil, leaf: leaf)) == "there is no certificate yet")
  }

  @Test func `a certificate with the same names is renewed at its due date`() throws {
    let decision = try decision(settings("example.com"), leaf: leaf)
    #expect(decision == .at(RenewalCertificate(leaf).dueDate, .lifetime))
  }

  @Test func `the CA's suggested window also applies to issue`() throws {
    var schedule = RenewalState(certificate: leaf.sha256Fingerprint.hexadecimal)
    schedule.suggestion = .init(start: now, end: now, instant: now, explanationURL: nil)
    let wanted = settings("example.com")
    #expect(try decision(wanted, leaf: leaf, schedule: schedule, after: 1).isDue)
    // A failure postpones the timer, but not a person who runs the command.
    schedule.noteFailure(of: RenewalCertificate(leaf), now: now)
    let held = try decision(wanted, leaf: leaf, schedule: schedule)
    #expect(held.isHeld && held.isForPerson)
    // A wrong clock or CA postpones both; otherwise each call would order another certificate.
    schedule = RenewalState(certificate: leaf.sha256Fingerprint.hexadecimal)
    schedule.suggestion = .init(start: now, end: now, instant: now, explanationURL: nil)
    (schedule.haste, schedule.obtained) = (2, now)
    let hasty = try decision(wanted, leaf: leaf, schedule: schedule)
    #expect(hasty.isHeld && !hasty.isForPerson)
  }

  @Test func `the order of the names does not matter`() throws {
    let decision = try decision(
      settings("b.test", "a.test"), issued: settings("a.test", "b.test"), leaf: leaf)
    #expect(reason(decision) == nil)
  }

  @Test func `an added name makes a new certificate due`() throws {
    let decision = try decision(settings("example.com", "www.example.com"), leaf: leaf)
    #expect(reason(decision) == "new names: www.example.com")
  }

  @Test func `a removed name is refused and named in the error`() throws {
    let issued = settings("example.com", "www.example.com")
    let error = #expect(throws: CertctlError.self) {
      try settings("example.com").requireNames(of: issued)
    }
    expectError(error, code: .refused, mentions: "www.example.com", hint: "--force")
    #expect(error?.exitCode == 1)
    try issued.requireNames(of: settings("example.com"))
  }

  @Test func `replacing a domain with its wildcard is refused`() throws {
    let error = #expect(throws: CertctlError.self) {
      try settings("*.example.com").requireNames(of: settings("example.com"))
    }
    #expect(error?.code == .refused)
  }

  static let changes: [(@Sendable (inout LineageSettings) -> Void, String)] = [
    ({ $0.authorities = ["zerossl"] }, "the CA changed"),
    ({ $0.keyType = .rsa2048 }, "the key type changed to rsa2048"),
    ({ $0.profile = "shortlived" }, "the profile changed"),
    ({ $0.preferredChain = "Another Root" }, "the preferred chain changed"),
  ]

  @Test(arguments: changes.indices)
  func `a different CA, key type, profile or chain makes a new certificate due`(_ index: Int) throws
  {
    let (change, words) = Self.changes[index]
    #expect(reason(try decision(settings("example.com", change: change), leaf: leaf)) == words)
  }

  @Test func `a different webroot or file mode waits for the renewal`() throws {
    let wanted = settings("example.com") {
      $0.challenge = ChallengeSettings(type: .http01, webroot: "/srv")
      $0.files.keyMode = "0640"
      $0.reuseKey = true
    }
    #expect(reason(try decision(wanted, leaf: leaf)) == nil)
  }

  @Test func `a revoked certificate is replaced`() throws {
    let decision = try decision(settings("example.com"), leaf: leaf, isRevoked: true)
    #expect(reason(decision) == "the certificate in use was revoked")
  }

  @Test func `a certificate is renewed from its due date on`() throws {
    #expect(reason(try decision(settings("example.com"), leaf: leaf, after: 59.9)) == nil)
    #expect(reason(try decision(settings("example.com"), leaf: leaf, after: 60)) != nil)
    #expect(reason(try decision(settings("example.com"), leaf: leaf, after: 1000)) != nil)
  }

  @Test func `the due date leaves a third of the lifetime, or half of a short lifetime`() {
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
