import ACME
import CertctlCrypto
import CertctlSystem
import FoundationEssentials
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlIssuing
@testable import CertctlStore

struct IssuerTests {
  private func withBench(_ body: (IssuerBench) async throws -> Void) async throws {
    try await withState { state, _ in try await body(IssuerBench(state)) }
  }

  private let three = settings("a.test", "b.test", "c.test")

  @Test func `the certificate covers all names and matches its chain and key`() async throws {
    try await withBench { bench in
      let issued = try await bench.issuer(three).obtain()
      #expect(issued.leaf.dnsNames.sorted() == ["a.test", "b.test", "c.test"])
      #expect(issued.isPair)
      #expect(Certificate.isOrdered(issued.chain))
      #expect(issued.key?.type == .ec256)
    }
  }

  @Test func `all challenges are presented before the first is answered`() async throws {
    try await withBench { bench in
      let answered = Recorder<Int>()
      bench.solver.onPresent { answered.add(bench.ca.count(.challenge)) }
      _ = try await bench.issuer(three).obtain()
      #expect(answered.all == [0])
      #expect(bench.ca.count(.challenge) == 3)
      #expect(
        bench.solver.calls == [
          .prepare, .present(["a.test", "b.test", "c.test"]), .wait,
          .cleanUp(["a.test", "b.test", "c.test"]),
        ])
    }
  }

  @Test func `the order is polled, not each authorization`() async throws {
    try await withBench { bench in
      bench.ca.configure { $0.validationLooks = 3 }
      _ = try await bench.issuer(three).obtain()
      #expect(bench.ca.count(.authorization) == 3)
      #expect(bench.ca.count(.order) > 3)
    }
  }

  @Test func `success leaves no challenge and no journal entry`() async throws {
    try await withBench { bench in
      _ = try await bench.issuer(three).obtain()
      #expect(bench.solver.visible.isEmpty)
      #expect(try bench.journal.challenges(of: exampleName) == [])
    }
  }

  @Test func `the journal is written before the first challenge is presented`() async throws {
    try await withBench { bench in
      let journalled = Recorder<[PresentedChallenge]>()
      let journal = bench.journal
      bench.solver.onPresent {
        journalled.add((try? journal.challenges(of: exampleName)) ?? [])
      }
      _ = try await bench.issuer(three).obtain()
      #expect(journalled.all.first?.map(\.identifier.value) == ["a.test", "b.test", "c.test"])
    }
  }

  @Test func `a name that is already authorized is not validated again`() async throws {
    try await withBench { bench in
      bench.ca.configure { $0.reusesAuthorizations = true }
      _ = try await bench.issuer(settings("a.test")).obtain()
      bench.ca.resetLog()
      _ = try await bench.issuer(settings("a.test", "b.test")).obtain()
      #expect(bench.ca.count(.challenge) == 1)
      #expect(bench.solver.calls.contains(.present(["b.test"])))
      try await bench.pending.discard(exampleName)
      bench.ca.resetLog()
      _ = try await bench.issuer(settings("b.test", "a.test")).obtain()
      #expect(bench.ca.kinds == [.newOrder, .finalize, .order, .certificate])
    }
  }

  @Test func `unknown challenge types are skipped`() async throws {
    try await withBench { bench in
      bench.ca.configure { $0.challengeTypes = ["dns-future-07", "http-01", "x"] }
      let issued = try await bench.issuer(three).obtain()
      #expect(issued.leaf.dnsNames.count == 3)
    }
  }

  @Test func `an unavailable challenge type is an error that lists the available ones`()
    async throws
  {
    try await withBench { bench in
      bench.ca.configure { $0.challengeTypes = ["dns-01", "dns-future-07"] }
      let error = await failure { try await bench.issuer(three).obtain() }
      expectError(error, code: .challengeFailed, mentions: "a.test", hint: "dns-01, dns-future-07")
      #expect(bench.ca.count(.challenge) == 0)
    }
  }

  // MARK: - Keys, profiles, chains

  @Test(arguments: [KeyType.ec384, .rsa2048])
  func `the key has the requested type`(_ type: KeyType) async throws {
    try await withBench { bench in
      let issued = try await bench.issuer(settings("a.test") { $0.keyType = type }).obtain()
      #expect(issued.key?.type == type)
    }
  }

  @Test func `reuse-key only keeps a key of the same type`() async throws {
    try await withBench { bench in
      let key = try PrivateKey.generate(.ec256)
      let reusing = settings("a.test") { $0.reuseKey = true }
      let same = try await bench.issuer(reusing, currentKey: key).obtain()
      #expect(same.key?.publicKey == key.publicKey)
      try await bench.pending.discard(exampleName)
      let other = settings("a.test") {
        $0.reuseKey = true
        $0.keyType = .ec384
      }
      #expect(try await bench.issuer(other, currentKey: key).obtain().key?.type == .ec384)
      try await bench.pending.discard(exampleName)
      let fresh = try await bench.issuer(settings("a.test"), currentKey: key).obtain()
      #expect(fresh.key?.publicKey != key.publicKey)
    }
  }

  @Test func `the order names the profile`() async throws {
    try await withState { state, _ in
      let bench = try await IssuerBench(state) { $0.profiles = ["shortlived": "six days"] }
      _ = try await bench.issuer(settings("a.test") { $0.profile = "shortlived" }).obtain()
      let order = bench.ca.requests.first { $0.kind == .newOrder }
      #expect(order?.payload["profile"].string == "shortlived")
    }
  }

  @Test func `a preferred alternate chain is used`() async throws {
    try await withBench { bench in
      bench.ca.configure { $0.hasAlternateChain = true }
      let wanted = settings("a.test") { $0.preferredChain = "Test Root 2" }
      let issued = try await bench.issuer(wanted).obtain()
      #expect(issued.chain.last?.issuerCommonName == "Test Root 2")
      #expect(bench.warnings.all.isEmpty)
    }
  }

  @Test func `preferring the default chain costs no extra download`() async throws {
    try await withBench { bench in
      bench.ca.configure { $0.hasAlternateChain = true }
      let wanted = settings("a.test") { $0.preferredChain = "Test Root 1" }
      let issued = try await bench.issuer(wanted).obtain()
      #expect(issued.chain.last?.issuerCommonName == "Test Root 1")
      #expect(bench.ca.count(.certificate) == 1)
    }
  }

  @Test func `a preferred chain that the CA does not offer is a warning`() async throws {
    try await withBench { bench in
      bench.ca.configure { $0.hasAlternateChain = true }
      let wanted = settings("a.test") { $0.preferredChain = "No\u{1B}[31m Root" }
      let issued = try await bench.issuer(wanted).obtain()
      #expect(issued.chain.last?.issuerCommonName == "Test Root 1")
      #expect(bench.warnings.all.count == 1)
      expectText(bench.warnings.all.first, mentions: "'No\u{1B}[31m Root'")
    }
  }

  // MARK: - Dry run

  @Test func `a dry run stops before finalize and deactivates its authorizations`() async throws {
    try await withBench { bench in
      try await bench.issuer(three).dryRun()
      #expect(bench.ca.count(.finalize) == 0)
      #expect(Set(bench.ca.authorizationStates.values) == ["deactivated"])
      #expect(bench.solver.visible.isEmpty)
      #expect(try await bench.pending.order(of: exampleName) == nil)
    }
  }

  @Test func `a failed dry run deactivates its authorizations`() async throws {
    try await withBench { bench in
      bench.solver.fail(.present)
      #expect(await failure { try await bench.issuer(three).dryRun() } != nil)
      #expect(Set(bench.ca.authorizationStates.values) == ["deactivated"])
    }
  }
}
