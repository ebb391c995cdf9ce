import ACME
import CertctlCrypto
import CertctlSystem
import FoundationEssentials
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlIssuing
@testable import CertctlOperations
@testable import CertctlStore

/// One order whose names use different challenge types.
struct MixedChallengeTests {
  private static let record = "_acme-challenge.example.com"

  /// Runs `body` with a CA that checks each challenge and records the journal at that moment.
  private func withBench(
    _ body: (ContextBench, ZoneDouble, Recorder<[String]>) async throws -> Void
  ) async throws {
    try await withTemporaryFolder(label: "mixed") { folder in
      let zone = ZoneDouble()
      let bench = try ContextBench(folder) { try? zone.connect(&$0) }
      let journals = Recorder<[String]>()
      let (state, webroot) = (bench.state, bench.webroot)
      bench.ca.configure { settings in
        settings.challengeTypes = ["http-01", "tls-alpn-01"]
        settings.validate = { attempt in
          let left = try? ChallengeJournal(state: state).challenges(of: exampleName)
          journals.add(
            (left ?? []).map { "\($0.type?.rawValue ?? "-") \($0.identifier.value)" }.sorted())
          let found: Bool
          switch attempt.type {
          case "http-01":
            found =
              readText("\(webroot)/.well-known/acme-challenge/\(attempt.token)")
              == attempt.keyAuthorization
          case "dns-01":
            let digest = Digest.sha256(Array(attempt.keyAuthorization.utf8))
            found = zone.texts[Self.record]?.contains(Base64URL.encode(digest)) == true
          default: found = false
          }
          return found ? nil : Problem(type: .unauthorized, detail: "not found", status: 403)
        }
      }
      try await body(bench, zone, journals)
    }
  }

  private func request(_ bench: ContextBench) throws -> IssueRequest {
    try bench.request("*.example.com", "192.0.2.7") {
      $0.lineage = exampleName
      $0.overrides.dns = DNSSettings(provider: "httpreq")
    }
  }

  private func tokens(_ bench: ContextBench) -> [String] {
    (try? FileManager.default.contentsOfDirectory(
      atPath: "\(bench.webroot)/.well-known/acme-challenge")) ?? []
  }

  @Test func `a wildcard with dns-01 and an address with http-01 share an order`() async throws {
    try await withBench { bench, zone, journals in
      let result = try await bench.context.issue(request(bench))
      #expect(result.outcome == .issued)
      #expect(bench.ca.count(.newOrder) == 1)
      let expected = ["dns-01 example.com", "http-01 192.0.2.7"]
      #expect(journals.all == [expected, expected])
      #expect(zone.changes == ["+\(Self.record)", "-\(Self.record)"])
      #expect(tokens(bench).isEmpty)
      #expect(bench.folder.read("state/journal/example.com.json") == nil)
      // A renewal chooses the same types from the lineage's settings.
      var again = try request(bench)
      again.force = true
      again.overrides = SettingsOverrides()
      _ = try await bench.context.issue(again)
      #expect(journals.all.count == 4)
      #expect(zone.texts.isEmpty && tokens(bench).isEmpty)
    }
  }

  @Test func `both challenges are cleaned up when the CA refuses one of them`() async throws {
    try await withBench { bench, zone, _ in
      let seen = Recorder<(records: Int, files: Int)>()
      let webroot = bench.webroot
      bench.ca.configure { settings in
        settings.validate = { attempt in
          let files =
            (try? FileManager.default.contentsOfDirectory(
              atPath: "\(webroot)/.well-known/acme-challenge")) ?? []
          seen.add((zone.texts.count, files.count))
          return attempt.type == "dns-01"
            ? nil : Problem(type: .connection, detail: "nobody listens", status: 400)
        }
      }
      let error = await failure { try await bench.context.issue(request(bench)) }
      #expect(error?.code == .challengeFailed)
      #expect(seen.all.first?.records == 1 && seen.all.first?.files == 1)
      #expect(zone.texts.isEmpty && tokens(bench).isEmpty)
      #expect(bench.folder.read("state/journal/example.com.json") == nil)
    }
  }

  @Test func `the next run cleans up what a solver could not remove`() async throws {
    try await withBench { bench, zone, _ in
      zone.refuseRemovals(true)
      _ = try await bench.context.issue(request(bench))
      #expect(tokens(bench).isEmpty)
      #expect(zone.texts[Self.record]?.count == 1)
      let journal = ChallengeJournal(state: bench.state)
      #expect(try journal.challenges(of: exampleName).map(\.type).contains(.dns01))
      #expect(bench.warnings.all.last?.contains("could not clean up") == true)
      zone.refuseRemovals(false)
      var again = try request(bench)
      again.force = true
      _ = try await bench.context.issue(again)
      #expect(zone.texts.isEmpty)
      #expect(try journal.challenges(of: exampleName).isEmpty)
    }
  }

  @Test func `records are removed by the provider that created them, not the current one`()
    async throws
  {
    try await withBench { bench, zone, _ in
      zone.refuseRemovals(true)
      _ = try await bench.context.issue(request(bench))
      #expect(zone.texts[Self.record]?.count == 1)
      let other = ChallengeSettings(
        type: .dns01, dns: DNSSettings(provider: "exec:/usr/bin/true"))
      try await JournalCleaner(context: bench.context)
        .cleanJournal(exampleName, other)
      let words = bench.warnings.all.last ?? ""
      #expect(words.contains("--dns httpreq") && words.contains("journal/example.com.json"))
      #expect(zone.texts[Self.record]?.count == 1)
      zone.refuseRemovals(false)
      try await JournalCleaner(context: bench.context)
        .cleanJournal(exampleName, other)
      #expect(zone.texts.isEmpty)
      #expect(bench.folder.read("state/journal/example.com.json") == nil)
    }
  }

  @Test func `a name whose zone is not found is left out with allow-partial`() async throws {
    try await withBench { bench, zone, _ in
      var request = try bench.request("*.example.com", "*.other.test") {
        $0.lineage = exampleName
        $0.overrides.webroot = nil
        $0.overrides.dns = DNSSettings(provider: "httpreq")
      }
      let error = await #expect(throws: CertctlError.self) {
        try await bench.context.issue(request)
      }
      #expect(error?.identifiers == [.dns("*.other.test")])
      // Nothing was created, so there is nothing to clean up.
      #expect(bench.warnings.all.isEmpty)
      #expect(bench.folder.read("state/journal/example.com.json") == nil)
      request.overrides.allowPartial = true
      let report = try await bench.context.issue(request)
      #expect(report.certificate?.missingNames == ["*.other.test"])
      #expect(bench.warnings.all.contains { $0.hasPrefix("left out *.other.test: ") })
      #expect(zone.texts.isEmpty)
    }
  }

  @Test func `a name uses the lineage's challenge type where possible`() {
    let provider = DNSSettings(provider: "httpreq")
    let names: [Identifier] = [.dns("a.test"), .dns("*.a.test"), .ip("192.0.2.7")]
    func types(_ settings: ChallengeSettings) -> [ChallengeType] {
      names.map(settings.type(for:))
    }
    #expect(types(.init(type: .http01, dns: provider)) == [.http01, .dns01, .http01])
    #expect(types(.init(type: .tlsALPN01, dns: provider)) == [.tlsALPN01, .dns01, .tlsALPN01])
    #expect(types(.init(type: .dns01, dns: provider)) == [.dns01, .dns01, .http01])
    #expect(
      types(.init(type: .dnsAccount01, tlsPort: 8443, dns: provider))
        == [.dnsAccount01, .dnsAccount01, .tlsALPN01])
    #expect(types(.init(type: .dnsPersist01)) == [.dnsPersist01, .dnsPersist01, .http01])
    // Without a DNS provider the wildcard keeps http-01, and `check` refuses it.
    #expect(types(.init(type: .http01)) == [.http01, .http01, .http01])
    #expect(throws: CertctlError.self) {
      try ChallengeSettings(type: .http01).check(names, isGiven: false)
    }
  }
}
