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

struct OperationTests {
  private func withBench(
    _ configuration: Configuration = .init(), _ body: (ContextBench) async throws -> Void
  ) async throws {
    try await withTemporaryFolder(label: "operation") { folder in
      try await body(ContextBench(folder, configuration: configuration))
    }
  }

  @Test func `the first issue gets a certificate, the second sends no request`() async throws {
    try await withBench { bench in
      let first = try await bench.context.issue(bench.request("example.com", "www.example.com"))
      #expect(first.outcome == .issued)
      #expect(first.certificate?.generation == 1)
      #expect(first.certificate?.names == ["example.com", "www.example.com"])
      bench.ca.resetLog()
      let second = try await bench.context.issue(bench.request("www.example.com", "example.com"))
      #expect(second.outcome == .unchanged)
      #expect(second.certificate?.name == "example.com")
      #expect(bench.ca.count() == 0)
    }
  }

  @Test func `options that differ from the existing account cause a warning`() async throws {
    try await withBench { bench in
      var request = try bench.request("example.com")
      request.registration.emails = ["a@example.com"]
      for _ in 1...2 { _ = try await bench.context.issue(request) }
      #expect(bench.warnings.all.isEmpty)
      request.registration.emails = ["b@example.com"]
      _ = try await bench.context.issue(request)
      #expect(bench.warnings.all.count == 1)
      #expect(bench.warnings.all.first?.contains("certctl account update --ca") == true)
      request.registration.emails = []
      request.registration.externalAccount = ExternalAccount(keyID: "kid-2", hmacKey: [7])
      _ = try await bench.context.issue(request)
      #expect(bench.warnings.all.count == 2)
      #expect(bench.warnings.all.last?.contains("not bound to kid-2") == true)
    }
  }

  @Test func `one name with a known account and directory costs eight requests`() async throws {
    try await withBench { bench in
      _ = try await bench.context.issue(bench.request("a.test"))
      bench.ca.resetLog()
      _ = try await bench.context.issue(bench.request("b.test"))
      #expect(
        bench.ca.kinds == [
          .newNonce, .newOrder, .authorization, .challenge, .order, .finalize, .order, .certificate,
        ])
    }
  }

  @Test func `names can be added, but are removed only with force`() async throws {
    try await withBench { bench in
      _ = try await bench.context.issue(bench.request("example.com"))
      let more = try await bench.context.issue(bench.request("example.com", "b.test"))
      #expect(more.certificate?.generation == 2)
      let refused = await failure { try await bench.context.issue(bench.request("example.com")) }
      #expect(refused?.code == .refused)
      #expect(try await bench.context.show(exampleName).generation == 2)
      let forced = try await bench.context.issue(bench.request("example.com") { $0.force = true })
      #expect(forced.certificate?.generation == 3)
      #expect(forced.certificate?.names == ["example.com"])
    }
  }

  @Test(arguments: [(63.0, 75), (70, 1), (95, 1)])
  func `a retryable error exits with 1 from the last quarter of the lifetime on`(
    days: Double, exitCode: Int32
  ) async throws {
    try await withBench { bench in
      _ = try await bench.context.issue(bench.request("example.com"))
      bench.advance(days: days)
      bench.ca.inject(.refuseConnection, on: .newNonce, times: 100)
      let error = await failure { try await bench.context.issue(bench.request("example.com")) }
      #expect(error?.isRetryable == true)
      #expect(error?.exitCode == exitCode)
    }
  }

  @Test func `settings are saved for the next run`() async throws {
    try await withBench { bench in
      _ = try await bench.context.issue(
        bench.request("example.com") { $0.overrides.keyType = .ec384 })
      bench.clock.advance(70 * 86400)
      let bare = IssueRequest(names: [.dns("example.com")])
      let renewed = try await bench.context.issue(bare)
      #expect(renewed.outcome == .issued)
      #expect(renewed.certificate?.keyType == "ec384")
      #expect(renewed.directory == bench.ca.directoryURL)
    }
  }

  @Test func `a dry run stores no lineage and no certificate`() async throws {
    try await withBench { bench in
      let report = try await bench.context.issue(bench.request("example.com") { $0.dryRun = true })
      #expect(report.outcome == .validated)
      #expect(report.certificate == nil)
      #expect(try await bench.context.list().isEmpty)
      #expect(bench.ca.count(.finalize) == 0)
      #expect(!bench.files.contains { $0.hasPrefix("live/") || $0.hasPrefix("pending/") })
    }
  }

  @Test func `a failed issue creates no lineage and keeps an existing certificate`() async throws {
    try await withBench { bench in
      bench.ca.configure { $0.validate = { _ in Problem(type: .dns, detail: "NXDOMAIN") } }
      let error = await failure { try await bench.context.issue(bench.request("example.com")) }
      #expect(error?.code == .challengeFailed)
      let left = try await bench.context.list()
      #expect(left.isEmpty)
    }
    try await withBench { bench in
      _ = try await bench.context.issue(bench.request("example.com"))
      bench.ca.configure { $0.validate = { _ in Problem(type: .dns, detail: "NXDOMAIN") } }
      let error = await failure {
        try await bench.context.issue(bench.request("example.com") { $0.force = true })
      }
      #expect(error?.code == .challengeFailed)
      let report = try await bench.context.show(exampleName)
      #expect(report.state == .valid && report.generation == 1)
      expectText(report.lastFailure?.message, mentions: "NXDOMAIN")
    }
  }

  @Test func `challenges left by a crash are cleaned up by the next issue`() async throws {
    try await withBench { bench in
      _ = try await bench.context.issue(bench.request("example.com"))
      let left = PresentedChallenge(
        identifier: .dns("example.com"), keyAuthorization: KeyAuthorization("left.key"))
      try await ChallengeJournal(state: bench.state).record([left], of: exampleName)
      try bench.folder.write("www/.well-known/acme-challenge/left", "left.key")
      _ = try await bench.context.issue(bench.request("example.com"))
      #expect(!bench.folder.contains("www/.well-known/acme-challenge/left"))
      #expect(try ChallengeJournal(state: bench.state).challenges(of: exampleName) == [])
    }
  }

  @Test func `delete also cleans up challenges left by a crash`() async throws {
    try await withBench { bench in
      _ = try await bench.context.issue(bench.request("example.com"))
      let left = PresentedChallenge(
        identifier: .dns("example.com"), keyAuthorization: KeyAuthorization("left.key"))
      try await ChallengeJournal(state: bench.state).record([left], of: exampleName)
      try bench.folder.write("www/.well-known/acme-challenge/left", "left.key")
      try await bench.context.delete(exampleName)
      #expect(!bench.folder.contains("www/.well-known/acme-challenge/left"))
      #expect(!bench.files.contains { $0.contains("example.com") && !$0.hasSuffix(".lock") })
      let gone = await failure { try await bench.context.show(exampleName) }
      #expect(gone?.code == .notFound)
    }
  }

  @Test func `a certificate revoked at the CA is replaced by the next issue`() async throws {
    try await withBench { bench in
      _ = try await bench.context.issue(bench.request("example.com"))
      let leaf = try await CertificateStore(state: bench.state)
        .load(Generation(number: 1), of: exampleName).leaf
      let report = try await bench.context.revoke(exampleName, reason: .superseded)
      #expect(report.state == .revoked)
      #expect(bench.ca.revocation(of: leaf) == 4)
      let next = try await bench.context.issue(bench.request("example.com"))
      #expect(next.outcome == .issued && next.certificate?.state == .valid)
      let back = await failure { try await bench.context.rollback(exampleName) }
      expectError(back, code: .refused, mentions: "revoked")
      #expect(try await bench.context.rollback(exampleName, force: true).generation == 1)
    }
  }

  @Test func `without the account, revocation uses the certificate's key`() async throws {
    try await withBench { bench in
      _ = try await bench.context.issue(bench.request("example.com"))
      _ = try await bench.context.deactivateAccount(
        authority: bench.ca.directoryURL, locally: true)
      #expect(
        try await bench.context.revoke(exampleName, reason: .unspecified).state == .revoked)
    }
  }

  @Test func `a rollback to a missing generation lists the existing ones`() async throws {
    try await withBench { bench in
      _ = try await bench.context.issue(bench.request("example.com"))
      let none = await failure { try await bench.context.rollback(exampleName) }
      #expect(none?.code == .notFound)
      let unknown = await failure { try await bench.context.rollback(exampleName, to: 9) }
      expectError(unknown, mentions: "9", hint: "1")
      _ = try await bench.context.issue(bench.request("example.com") { $0.force = true })
      #expect(try await bench.context.rollback(exampleName).generation == 1)
      #expect(try await bench.context.rollback(exampleName, to: 2).generation == 2)
    }
  }

  @Test func `a damaged lineage does not hide the others`() async throws {
    try await withBench { bench in
      _ = try await bench.context.issue(bench.request("a.test"))
      _ = try await bench.context.issue(bench.request("b.test"))
      try bench.folder.write("state/lineages/a.test.json", "{")
      try bench.folder.write("state/live/-odd", "x")
      let list = try await bench.context.list()
      #expect(list.map(\.state) == [.damaged, .valid])
      #expect(list[0].problem?.contains("a.test.json") == true)
      #expect(
        await failure { try await bench.context.issue(bench.request("a.test")) }?.code
          == .damagedState)
      #expect(bench.folder.read("state/lineages/a.test.json") == "{")
      #expect(try await bench.context.issue(bench.request("b.test")).outcome == .unchanged)
    }
  }

  @Test func `the state of a certificate follows the clock`() async throws {
    try await withBench { bench in
      _ = try await bench.context.issue(bench.request("example.com"))
      for (days, state) in [(0.0, LineageReport.State.valid), (61, .due), (30, .expired)] {
        bench.clock.advance(days * 86400)
        #expect(try await bench.context.show(exampleName).state == state)
      }
    }
  }

  @Test func `an unknown name lists the existing certificates`() async throws {
    try await withBench { bench in
      let empty = await failure { try await bench.context.show(exampleName) }
      expectError(empty, hint: "certctl issue")
      _ = try await bench.context.issue(bench.request("a.test"))
      let error = await failure { try await bench.context.show(exampleName) }
      expectError(error, code: .notFound, hint: "a.test")
    }
  }
}
