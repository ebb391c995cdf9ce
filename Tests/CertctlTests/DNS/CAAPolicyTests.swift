import ACME
import FoundationEssentials
import Testing

@testable import CertctlDNS
@testable import CertctlStore

/// Which CAs may issue, modelled on the examples of RFC 8659 and RFC 8657.
struct CAAPolicyTests {
  private static let account = "https://ca.example/acct/1"

  private func refusal(
    _ properties: [(tag: String, value: String)], isCritical: Bool = false,
    method: ChallengeType = .dns01, isWildcard: Bool = false
  ) -> String? {
    CAAPolicy(
      owner: "a.test",
      properties: properties.map { .init(isCritical: isCritical, tag: $0.tag, value: $0.value) }
    ).refusal(
      of: .init(
        issuers: ["ca.example", "ca2.example"], account: Self.account, method: method,
        isWildcard: isWildcard))
  }

  @Test(arguments: [
    ("ca.example", nil), ("CA.Example", nil), ("ca2.example; policy=ev", nil),
    (";", "allows no CA"), ("", "allows no CA"),
    ("other.example", "allows only other.example"),
    ("ca.example; accounturi=https://ca.example/acct/1", nil),
    ("ca.example; accounturi=https://ca.example/acct/2", "allows only another account"),
    ("ca.example;validationmethods=http-01,dns-01", nil),
    ("ca.example; validationmethods=http-01", "does not allow dns-01"),
    ("ca.example; broken", "allows no CA"),
  ])
  func `an issue property names the allowed CA, account and methods`(
    _ value: String, _ expected: String?
  ) {
    let found = refusal([("issue", value)])
    if let expected {
      #expect(found?.hasPrefix(expected) == true, "\(found ?? "allowed")")
    } else {
      #expect(found == nil)
    }
  }

  @Test func `a CA that one of several properties allows may issue`() {
    #expect(refusal([("issue", "other.example"), ("issue", "ca.example")]) == nil)
    #expect(refusal([("iodef", "mailto:a@b.test")]) == nil)
  }

  @Test func `the issuewild property applies only to wildcards`() {
    let both = [("issue", "ca.example"), ("issuewild", ";")]
    #expect(refusal(both) == nil)
    #expect(refusal(both, isWildcard: true) == "allows no CA")
    #expect(refusal([("issuewild", "other.example")]) == nil)
    #expect(refusal([("issue", "other.example")], isWildcard: true) != nil)
  }

  @Test func `an unknown critical property forbids issuance`() {
    #expect(
      refusal([("issue", "ca.example"), ("tbs", "x")], isCritical: true)?.contains("tbs") == true)
    #expect(refusal([("issue", "ca.example"), ("tbs", "x")]) == nil)
  }

  @Test func `a persistent record is written strictly and read tolerantly`() throws {
    let until = Date(timeIntervalSince1970: 1_800_000_000)
    let record = PersistentRecord(
      issuer: "ca.example", account: Self.account, coversWildcard: true, until: until)
    #expect(
      record.text
        == "ca.example; accounturi=\(Self.account); policy=wildcard; persistUntil=1800000000")
    #expect(PersistentRecord(text: record.text) == record)
    let loose = PersistentRecord(text: " CA.example;accounturi = \(Self.account) ;x=y;")
    #expect(loose == PersistentRecord(issuer: "ca.example", account: Self.account))
    #expect(PersistentRecord(text: "v=spf1 -all") == nil)
  }

  @Test func `a persistent record is for one CA, one account and a limited time`() {
    let now = Date(timeIntervalSince1970: 1_700_000_000)
    func challenge(_ issuer: String = "ca.example", wildcard: Bool = false) -> PresentedChallenge {
      PresentedChallenge(
        identifier: .dns("a.test"), keyAuthorization: nil, type: .dnsPersist01,
        isWildcard: wildcard, account: Self.account, issuers: [issuer])
    }
    var record = PersistentRecord(issuer: "ca.example", account: Self.account)
    #expect(record.objection(to: challenge(), now: now) == nil)
    #expect(record.objection(to: challenge("other.example"), now: now) != nil)
    #expect(record.objection(to: challenge(wildcard: true), now: now) != nil)
    record.coversWildcard = true
    #expect(record.objection(to: challenge(wildcard: true), now: now) == nil)
    record.until = now
    #expect(record.objection(to: challenge(), now: now) != nil)
    record.until = nil
    record.account = "https://ca.example/acct/2"
    #expect(record.objection(to: challenge(), now: now) != nil)
  }
}
