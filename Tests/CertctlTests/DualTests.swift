import ACME
import CertctlCrypto
import FoundationEssentials
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlIssuing
@testable import CertctlOperations
@testable import CertctlStore

/// Dual certificates: RSA in addition to ECDSA.
struct DualTests {
  private func withBench(_ body: (ContextBench) async throws -> Void) async throws {
    try await withTemporaryFolder(label: "dual") { folder in try await body(ContextBench(folder)) }
  }

  private func live(_ bench: ContextBench) throws -> IssuedCertificate {
    let store = CertificateStore(state: bench.state)
    let live = try #require(try store.liveGeneration(exampleName))
    return try store.load(live, of: exampleName)
  }

  @discardableResult
  private func issue(
    _ bench: ContextBench, force: Bool = false,
    _ change: (inout SettingsOverrides) -> Void = { _ in }
  ) async throws -> IssueReport {
    try await bench.context.issue(
      bench.request("example.com") {
        $0.force = force
        change(&$0.overrides)
      })
  }

  // MARK: - Settings

  private func types(
    _ change: (inout SettingsOverrides) -> Void, lineage: LineageSettings? = nil,
    defaults: (inout SettingsOverrides) -> Void = { _ in }
  ) -> [KeyType?] {
    var (overrides, file) = (SettingsOverrides(), SettingsOverrides())
    change(&overrides)
    defaults(&file)
    let settings = overrides.resolved(
      names: [.dns("example.com")], lineage: lineage, defaults: file)
    return [settings.keyType, settings.rsaKeyType]
  }

  @Test func `a given key type applies to its algorithm, the other is the default`() {
    #expect(types { $0.dual = true } == [.ec256, .rsa2048])
    #expect(
      types {
        $0.dual = true
        $0.keyType = .ec384
      } == [.ec384, .rsa2048])
    #expect(
      types {
        $0.dual = true
        $0.keyType = .rsa4096
      } == [.ec256, .rsa4096])
    #expect(types({ $0.keyType = .ec384 }, defaults: { $0.dual = true }) == [.ec384, .rsa2048])
    #expect(types({ $0.dual = true }, defaults: { $0.keyType = .rsa3072 }) == [.ec256, .rsa3072])
  }

  @Test func `a lineage keeps its key types until they are changed`() {
    let two = settings("example.com") { ($0.keyType, $0.rsaKeyType) = (.ec384, .rsa3072) }
    #expect(types({ _ in }, lineage: two) == [.ec384, .rsa3072])
    #expect(types({ $0.keyType = .rsa4096 }, lineage: two) == [.ec384, .rsa4096])
    #expect(types({ $0.keyType = .ec256 }, lineage: two) == [.ec256, .rsa3072])
    #expect(types({ $0.dual = false }, lineage: two) == [.ec384, nil])
    let one = settings("example.com") { $0.keyType = .rsa4096 }
    #expect(types({ _ in }, lineage: one, defaults: { $0.dual = true }) == [.rsa4096, nil])
    #expect(types({ $0.dual = true }, lineage: one) == [.ec256, .rsa4096])
  }

  @Test func `turning dual certificates on or off is a change`() {
    let one = settings("example.com")
    let two = settings("example.com") { $0.rsaKeyType = .rsa2048 }
    expectText(two.change(since: one), mentions: "rsa2048")
    expectText(one.change(since: two), mentions: "no longer")
    #expect(two.change(since: two) == nil)
  }

  @Test func `the certificate due first sets the renewal date`() throws {
    let ca = try TestCA(now: TestClock().now)
    let (short, long) = (try issued(ca, "a.test", days: 30), try issued(ca, "a.test", days: 90))
    let (first, second) = (RenewalCertificate(short.leaf), RenewalCertificate(long.leaf))
    #expect(RenewalCertificate([short.leaf, long.leaf]) == first)
    let other = RenewalCertificate([long.leaf, short.leaf])
    #expect(other.fingerprint == second.fingerprint)
    #expect(other.dueDate == first.dueDate && other.notAfter == first.notAfter)
    #expect(RenewalCertificate([long.leaf]) == second)
  }

  // MARK: - Issuance

  @Test func `both certificates are in one generation, the second needs no validation`()
    async throws
  {
    try await withBench { bench in
      bench.ca.configure { $0.reusesAuthorizations = true }
      let report = try await issue(bench) { $0.dual = true }
      let both = try live(bench)
      #expect(both.isPair)
      #expect(both.key?.type == .ec256 && both.rsa?.key.type == .rsa2048)
      #expect(bench.ca.count(.newOrder) == 2)
      #expect(bench.ca.count(.challenge) == 1)
      #expect(report.certificate?.generation == 1)
      #expect(report.certificate?.keyType == "ec256")
      #expect(report.certificate?.rsa?.keyType == "rsa2048")
      #expect(report.certificate?.rsa?.privkey?.hasSuffix("example.com/rsa/privkey.pem") == true)
      #expect(!bench.files.contains { $0.hasPrefix("pending/example.com") })
    }
  }

  @Test func `renewals keep both key types, and the keys with reuse-key`() async throws {
    try await withBench { bench in
      try await issue(bench) {
        $0.dual = true
        $0.reuseKey = true
      }
      let first = try live(bench)
      bench.clock.advance(70 * 86400)
      #expect(try await bench.context.renew().certificates.map(\.outcome) == [.renewed])
      let second = try live(bench)
      #expect(second.rsa?.leaf != first.rsa?.leaf && second.leaf != first.leaf)
      #expect(second.rsa?.key.publicKey == first.rsa?.key.publicKey)
      #expect(second.key?.publicKey == first.key?.publicKey)
    }
  }

  @Test func `dual certificates are turned on and off in place`() async throws {
    try await withBench { bench in
      try await issue(bench)
      #expect(try await issue(bench) { $0.dual = true }.outcome == .issued)
      #expect(try live(bench).rsa != nil)
      #expect(try await issue(bench).outcome == .unchanged)
      #expect(try await issue(bench) { $0.dual = false }.outcome == .issued)
      #expect(try live(bench).rsa == nil)
      #expect(try await bench.context.rollback(exampleName).rsa != nil)
    }
  }

  @Test func `if the second order fails, the old certificate stays and the next run resumes`()
    async throws
  {
    try await withBench { bench in
      try await issue(bench)
      let before = try live(bench).leaf
      let finalized = Recorder<Int>()
      bench.ca.configure {
        $0.bend = { kind, body in
          guard kind == .order, body["status"].string == "valid" else { return }
          finalized.add(1)
          // The first order reports "valid" once, the second never.
          guard finalized.all.count > 1 else { return }
          body["status"] = "processing"
          body["certificate"] = nil
        }
      }
      let error = await failure { try await issue(bench) { $0.dual = true } }
      #expect(error?.exitCode == 75)
      #expect(try live(bench).leaf == before)
      #expect(bench.files.contains("pending/example.com/rsa/privkey.pem"))
      bench.ca.configure { $0.bend = nil }
      bench.ca.resetLog()
      let report = try await issue(bench) { $0.dual = true }
      #expect(report.outcome == .issued)
      #expect(bench.ca.count(.newOrder) == 0 && bench.ca.count(.finalize) == 0)
      #expect(try live(bench).rsa != nil)
      #expect(!bench.files.contains { $0.hasPrefix("pending/example.com") })
    }
  }

  @Test func `both certificates are revoked together`() async throws {
    try await withBench { bench in
      try await issue(bench) { $0.dual = true }
      let leaves = try live(bench).leaves
      for byKey in [true, false] {
        let report = try await bench.context.revoke(
          exampleName, reason: .superseded, byCertificateKey: byKey)
        #expect(report.state == .revoked)
        #expect(leaves.map { bench.ca.revocation(of: $0) } == [4, 4])
      }
    }
  }

  @Test func `deploy hooks get the paths of both certificates`() throws {
    var lineage = LineageReport(name: "example.com", state: .valid, names: ["example.com"])
    let one = HookOccasion.deploy(lineage).environment(stateDirectory: "/")
    #expect(one["CERTCTL_RSA_FULLCHAIN"] == nil)
    let ca = try TestCA(now: TestClock().now)
    lineage.rsa = .init(try issued(ca, "example.com").leaf)
    lineage.rsa?.fullchain = "/live/rsa/fullchain.pem"
    lineage.rsa?.privkey = "/live/rsa/privkey.pem"
    let two = HookOccasion.deploy(lineage).environment(stateDirectory: "/")
    #expect(two["CERTCTL_RSA_FULLCHAIN"] == "/live/rsa/fullchain.pem")
    #expect(two["CERTCTL_RSA_PRIVKEY"] == "/live/rsa/privkey.pem")
  }

  // MARK: - Store

  @Test func `both certificates are stored and loaded as one`() async throws {
    try await withState { state, folder in
      let ca = try TestCA(now: TestClock().now)
      let store = CertificateStore(state: state)
      var both = try issued(ca, "example.com")
      let key = try PrivateKey.generate(.rsa2048)
      let rsa = try issued(ca, "example.com", key: key)
      both.rsa = .init(chain: rsa.chain, key: key)
      let generation = try store.commit(both, to: exampleName, files: FileSettings())
      #expect(try store.commit(both, to: exampleName, files: FileSettings()) == generation)
      #expect(try store.loadLeaves(generation, of: exampleName) == both.leaves)
      // The same leaf with a different RSA certificate is a new generation.
      var other = both
      let third = try issued(ca, "example.com", key: key)
      other.rsa = .init(chain: third.chain, key: key)
      #expect(try store.commit(other, to: exampleName, files: FileSettings()).number == 2)
      other.rsa = .init(chain: third.chain, key: try PrivateKey.generate(.rsa2048))
      #expect(throws: CryptoError.self) {
        try store.commit(other, to: exampleName, files: FileSettings())
      }
      folder.remove("state/archive/example.com/0001/rsa/privkey.pem")
      let error = #expect(throws: CertctlError.self) {
        try store.load(generation, of: exampleName)
      }
      expectError(error, endsWith: "0001/rsa/privkey.pem is missing")
    }
  }
}
