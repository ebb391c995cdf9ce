import ACME
import CertctlCrypto
import CertctlSystem
import FoundationEssentials
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlDNS
@testable import CertctlIssuing
@testable import CertctlOperations
@testable import CertctlStore

/// Issuance with dns-account-01 and dns-persist-01, by a fake CA that reads an in-memory zone.
struct PersistentIssuanceTests {
  private static let standing = "_validation-persist.example.com"

  private func withBench(
    _ type: ChallengeType, _ body: (ContextBench, ZoneDouble) async throws -> Void
  ) async throws {
    try await withTemporaryFolder(label: "persist") { folder in
      let zone = ZoneDouble()
      let bench = try ContextBench(folder) { try? zone.connect(&$0) }
      bench.ca.configure { settings in
        settings.challengeTypes = ["http-01", type.rawValue]
        settings.wildcardChallengeTypes = ["dns-01", type.rawValue]
      }
      try await body(bench, zone)
    }
  }

  private func request(
    _ bench: ContextBench, _ type: ChallengeType, force: Bool = false
  ) throws -> IssueRequest {
    try bench.request("example.com", "*.example.com") { request in
      request.overrides.webroot = nil
      request.overrides.challenge = type
      request.force = force
    }
  }

  // MARK: - dns-account-01

  @Test func `dns-account-01 creates records under the account's label and removes them`()
    async throws
  {
    try await withBench(.dnsAccount01) { bench, zone in
      let ca = bench.ca
      ca.configure { settings in
        settings.validate = { attempt in
          guard attempt.type == "dns-account-01", let account = ca.accountURLs.first else {
            return Problem(type: .unauthorized, detail: attempt.type, status: 403)
          }
          let label = KeyAuthorization.dnsAccountLabel(accountURL: account)
          let digest = Digest.sha256(Array(attempt.keyAuthorization.utf8))
          let found = zone.texts["\(label)._acme-challenge.example.com"] ?? []
          return found.contains(Base64URL.encode(digest))
            ? nil : Problem(type: .unauthorized, detail: "found \(found)", status: 403)
        }
      }
      // Another client's dns-01 record, and a record of another account.
      let others = ["_acme-challenge.example.com", "_other._acme-challenge.example.com"]
      for name in others { zone.set(name, ["foreign"]) }
      var request = try request(bench, .dnsAccount01)
      request.overrides.dns = DNSSettings(provider: "httpreq")
      let result = try await bench.context.issue(request)
      #expect(result.certificate?.names == ["example.com", "*.example.com"])
      let account = try #require(ca.accountURLs.first)
      let name =
        KeyAuthorization.dnsAccountLabel(accountURL: account)
        + "._acme-challenge.example.com"
      #expect(zone.changes == ["+\(name)", "+\(name)", "-\(name)", "-\(name)"])
      #expect(zone.texts == [others[0]: ["foreign"], others[1]: ["foreign"]])
      #expect(bench.folder.read("state/journal/example.com.json") == nil)
    }
  }

  @Test func `leftover dns-account-01 records are found by the account's label`() async throws {
    try await withBench(.dnsAccount01) { bench, zone in
      bench.ca.configure { $0.validate = { _ in nil } }
      zone.refuseRemovals(true)
      var request = try request(bench, .dnsAccount01)
      request.overrides.dns = DNSSettings(provider: "httpreq")
      _ = try await bench.context.issue(request)
      #expect(zone.texts.values.map(\.count) == [2])
      let journal = ChallengeJournal(state: bench.state)
      #expect(
        try journal.challenges(of: exampleName).map(\.type) == [.dnsAccount01, .dnsAccount01])
      zone.refuseRemovals(false)
      request.force = true
      _ = try await bench.context.issue(request)
      #expect(zone.texts.isEmpty)
      #expect(try journal.challenges(of: exampleName).isEmpty)
    }
  }

  // MARK: - dns-persist-01

  /// Makes the CA accept any record that names the CA and the account.
  private func acceptRecord(_ bench: ContextBench, _ zone: ZoneDouble) {
    let ca = bench.ca
    ca.configure { settings in
      settings.validate = { attempt in
        let account = ca.accountURLs.first ?? ""
        let start = "ca.test; accounturi=\(account)"
        let isThere = zone.texts[Self.standing]?.contains {
          $0.hasPrefix(start)
            && (!attempt.name.hasPrefix("*.") || $0.contains("policy=wildcard"))
        }
        return attempt.type == "dns-persist-01" && isThere == true
          ? nil : Problem(type: .unauthorized, detail: "no record", status: 403)
      }
    }
  }

  @Test func `a persistent record is created once and serves issuance and renewals`() async throws {
    try await withBench(.dnsPersist01) { bench, zone in
      acceptRecord(bench, zone)
      let question = PersistentRecordRequest(
        domain: .dns("example.com"), coversWildcard: true, authority: bench.ca.directoryURL,
        registration: Registration(terms: .agreed))
      let first = try await bench.context.persistentRecord(question)
      let account = try #require(bench.ca.accountURLs.first)
      #expect(first.name == Self.standing)
      #expect(first.text == "ca.test; accounturi=\(account); policy=wildcard")
      #expect(first.zone == "example.com")
      #expect(!first.isPresent)
      // The order placed to get the record's text is not left open.
      #expect(bench.ca.authorizationStates == ["*.example.com": "deactivated"])

      let early = await failure {
        try await bench.context.issue(try request(bench, .dnsPersist01))
      }
      #expect(early?.code == .challengeFailed)
      // The suggested record covers both names, whichever is checked first.
      expectError(early, hint: "\(Self.standing). TXT \"\(first.text)\"")
      #expect(!bench.ca.authorizationStates.values.contains("invalid"))

      zone.set(Self.standing, ["v=something else", first.text])
      #expect(try await bench.context.persistentRecord(question).isPresent)
      let result = try await bench.context.issue(try request(bench, .dnsPersist01))
      #expect(result.outcome == .issued)
      _ = try await bench.context.issue(try request(bench, .dnsPersist01, force: true))
      #expect(zone.changes.isEmpty)
      #expect(zone.texts == [Self.standing: ["v=something else", first.text]])
      #expect(bench.folder.read("state/journal/example.com.json") == nil)
    }
  }

  @Test func `a CA without dns-persist-01 is an error`() async throws {
    try await withBench(.dns01) { bench, _ in
      let error = await failure {
        try await bench.context.persistentRecord(
          PersistentRecordRequest(
            domain: .dns("example.com"), authority: bench.ca.directoryURL,
            registration: Registration(terms: .agreed)))
      }
      expectError(error, code: .challengeFailed, mentions: "dns-persist-01 for example.com")
    }
  }

  private static let texts: [(String, String?)] = [
    ("ca.test; accounturi=https://ca.test/acct/1", nil),
    ("CA.test ;AccountURI=https://ca.test/acct/1; Policy=WILDCARD; new=1;", nil),
    ("ca.test; accounturi=https://ca.test/acct/1; persistUntil=1780000001", nil),
    ("ca.test; accounturi=https://ca.test/acct/1; persistUntil=1780000000", "expired at"),
    ("ca.test; accounturi=https://ca.test/acct/12", "another account"),
    ("ca.test.; accounturi=https://ca.test/acct/1", "another CA"),
    ("ca.test; accounturi=https://ca.test/acct/1; persistUntil=soon", "none"),
    ("ca.test; accounturi=https://ca.test/acct/1; persistUntil=1e12", "none"),
    ("ca.test; accounturi=https://ca.test/acct/2; accounturi=https://ca.test/acct/1", "none"),
    ("accounturi=https://ca.test/acct/1", "none"), ("ca.test", "none"), ("", "none"),
  ]

  @Test(arguments: texts)
  func `the issuer, account, policy and expiry of a record are checked`(
    _ text: String, _ objection: String?
  ) {
    var challenge = PresentedChallenge(
      identifier: .dns("example.com"), keyAuthorization: nil, type: .dnsPersist01,
      account: "https://ca.test/acct/1", issuers: ["CA.TEST", "other.test"])
    let record = PersistentRecord(text: text)
    let found = record.map { $0.objection(to: challenge, now: TestClock().now) } ?? "is none"
    #expect(found == nil ? objection == nil : objection.map { found?.contains($0) == true } == true)
    challenge.isWildcard = true
    let isWildcard = text.lowercased().contains("policy=wildcard")
    #expect(
      (record?.objection(to: challenge, now: TestClock().now) == nil)
        == (record == nil || isWildcard && objection == nil))
  }
}
