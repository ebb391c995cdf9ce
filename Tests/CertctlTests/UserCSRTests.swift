import ACME
import CertctlCrypto
import FoundationEssentials
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlIssuing
@testable import CertctlOperations
@testable import CertctlStore

/// Certificates from a user's own CSR.
struct UserCSRTests {
  private func withBench(_ body: (ContextBench) async throws -> Void) async throws {
    try await withTemporaryFolder(label: "csr") { folder in try await body(ContextBench(folder)) }
  }

  private func given(
    _ names: String..., type: KeyType = .ec256
  ) throws -> (key: PrivateKey, request: UserCSR) {
    let key = try PrivateKey.generate(type)
    let request = try CertificateRequest(key: key, dnsNames: names)
    return (key, try UserCSR(contents: request.pem))
  }

  private func issue(
    _ bench: ContextBench, _ given: UserCSR?, _ names: [String] = [],
    change: (inout IssueRequest) -> Void = { _ in }
  ) async throws -> IssueReport {
    try await bench.context.issue(
      bench.request {
        $0.names = names.map { .dns($0) }
        $0.overrides.csr = given
        change(&$0)
      })
  }

  private func live(_ bench: ContextBench) throws -> IssuedCertificate {
    let store = CertificateStore(state: bench.state)
    let live = try #require(try store.liveGeneration(exampleName))
    return try store.load(live, of: exampleName)
  }

  @Test func `names and key come from the CSR, and no key is stored`() async throws {
    try await withBench { bench in
      let (key, request) = try given("example.com", "www.example.com", type: .ec384)
      let report = try await issue(bench, request)
      #expect(report.outcome == .issued)
      #expect(report.certificate?.names == ["example.com", "www.example.com"])
      #expect(report.certificate?.keyType == "ec384")
      #expect(report.certificate?.privkey == nil)
      #expect(report.certificate?.fullchain?.hasSuffix("live/example.com/fullchain.pem") == true)
      let issued = try live(bench)
      #expect(issued.key == nil && issued.isPair)
      #expect(issued.leaf.matches(key))
      #expect(!bench.files.contains { $0.contains("privkey") })
      #expect(try await bench.context.list().map(\.state) == [.valid])
    }
  }

  @Test func `an unattended renewal uses the same CSR`() async throws {
    try await withBench { bench in
      let (key, request) = try given("example.com")
      _ = try await issue(bench, request)
      let first = try live(bench).leaf
      #expect(try await issue(bench, nil, ["example.com"]).outcome == .unchanged)
      bench.clock.advance(70 * 86400)
      let report = try await bench.context.renew()
      #expect(report.certificates.map(\.outcome) == [.renewed])
      let second = try live(bench).leaf
      #expect(second != first && second.matches(key))
    }
  }

  @Test func `another CSR gets a new certificate, and a rollback is possible`() async throws {
    try await withBench { bench in
      let (first, firstRequest) = try given("example.com")
      _ = try await issue(bench, firstRequest, ["example.com"])
      let (second, secondRequest) = try given("example.com", "www.example.com")
      let report = try await issue(bench, secondRequest)
      #expect(report.reason.contains("new names"))
      #expect(try live(bench).leaf.matches(second))
      _ = try await bench.context.rollback(exampleName)
      #expect(try live(bench).leaf.matches(first))
      let third = try given("example.com", "www.example.com").request
      #expect(try await issue(bench, third).reason == "the CSR changed")
    }
  }

  @Test func `a lineage with a generated key can switch to a CSR`() async throws {
    try await withBench { bench in
      _ = try await issue(bench, nil, ["example.com"]) { $0.overrides.reuseKey = true }
      let (key, request) = try given("example.com")
      #expect(try await issue(bench, request).outcome == .issued)
      #expect(try live(bench).leaf.matches(key))
      #expect(try live(bench).key == nil)
      #expect(bench.warnings.all.isEmpty)
    }
  }

  @Test func `names that differ from the CSR are refused`() async throws {
    try await withBench { bench in
      let request = try given("example.com").request
      let other = await failure { try await issue(bench, request, ["example.org"]) }
      expectError(other, code: .usage, mentions: "for example.com", "not for example.org")
      let same = try given("b.example.com", "example.com").request
      let report = try await issue(bench, same, ["example.com", "b.example.com"])
      #expect(report.outcome == .issued)
      let more = await failure {
        try await issue(bench, nil, ["example.com", "b.example.com", "c.example.com"])
      }
      expectError(more, code: .usage, hint: "--csr")
    }
  }

  @Test func `options for key generation are refused`() async throws {
    try await withBench { bench in
      let request = try given("example.com").request
      let changes: [(String, @Sendable (inout SettingsOverrides) -> Void)] = [
        ("--key-type", { $0.keyType = .rsa2048 }), ("--reuse-key", { $0.reuseKey = true }),
        ("--dual", { $0.dual = true }),
      ]
      for (option, change) in changes {
        let error = await failure { try await issue(bench, request) { change(&$0.overrides) } }
        #expect(error?.exitCode == 64, "\(option)")
        expectError(error, startsWith: "\(option) ", comment: "\(option)")
      }
      #expect(bench.ca.count() == 0)
      _ = try await issue(bench, request)
      let later = await failure {
        try await issue(bench, nil, ["example.com"]) { $0.overrides.keyType = .ec384 }
      }
      #expect(later?.exitCode == 64)
    }
  }

  @Test func `the certificate is revoked with the account, not with its key`() async throws {
    try await withBench { bench in
      _ = try await issue(bench, given("example.com").request)
      let byKey = await failure {
        try await bench.context.revoke(
          exampleName, reason: .unspecified, byCertificateKey: true)
      }
      expectError(byKey, code: .refused, hint: "--by-certificate-key")
      #expect(
        try await bench.context.revoke(exampleName, reason: .superseded).state == .revoked)
      #expect(bench.ca.revocation(of: try live(bench).leaf) == 4)
    }
  }

  @Test func `a pending order continues with its CSR`() async throws {
    try await withState { state, _ in
      let bench = try await IssuerBench(state)
      let (key, request) = try given("a.test")
      let wanted = settings("a.test") { $0.csr = request.pem }
      bench.holdOrders()
      #expect(await failure { try await bench.issuer(wanted).obtain() }?.exitCode == 75)
      bench.finishOrders()
      bench.ca.resetLog()
      let issued = try await bench.issuer(wanted).obtain()
      #expect(issued.leaf.matches(key))
      #expect(bench.ca.kinds == [.order, .certificate])
    }
  }

  @Test func `hooks get a key path only if there is a key`() throws {
    var lineage = LineageReport(name: "example.com", state: .valid, names: ["example.com"])
    lineage.directory = "/live/example.com"
    lineage.fullchain = "/live/example.com/fullchain.pem"
    let without = HookOccasion.deploy(lineage).environment(stateDirectory: "/")
    #expect(without["CERTCTL_PRIVKEY"] == nil)
    #expect(without["CERTCTL_FULLCHAIN"] == "/live/example.com/fullchain.pem")
    lineage.privkey = "/live/example.com/privkey.pem"
    let with = HookOccasion.deploy(lineage).environment(stateDirectory: "/")
    #expect(with["CERTCTL_PRIVKEY"] == "/live/example.com/privkey.pem")
  }
}

/// The CSR files that certctl accepts.
@Suite(.requires("openssl"))
struct UserCSRFileTests {
  /// Runs `openssl req` with a new key and returns its output file.
  private func make(
    _ folder: TemporaryFolder,
    key: [String] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    _ arguments: String...
  ) async throws -> [UInt8] {
    let file = folder.path("request")
    try await Program(
      "openssl",
      ["req", "-new", "-nodes", "-keyout", folder.path("key"), "-out", file] + key + arguments
    ).run().requireSuccess("openssl req")
    return [UInt8](try Data(contentsOf: URL(filePath: file)))
  }

  private func with(_ body: (TemporaryFolder) async throws -> Void) async throws {
    try await withTemporaryFolder(label: "csr") { try await body($0) }
  }

  private func names(_ contents: [UInt8]) throws -> [String] {
    try UserCSR(contents: contents).names.map(\.value)
  }

  private func refused(_ contents: [UInt8]) async -> CertctlError? {
    await failure { try UserCSR(contents: contents) }
  }

  @Test func `PEM and DER are read, and the common name adds no name`() async throws {
    try await with { folder in
      let san = "subjectAltName=DNS:Example.com,DNS:www.example.com,IP:192.0.2.1"
      let both = try await make(folder, "-subj", "/CN=www.example.com", "-addext", san)
      #expect(try names(both) == ["example.com", "www.example.com", "192.0.2.1"])
      let der = try await make(folder, "-subj", "/", "-addext", san, "-outform", "DER")
      #expect(try names(der) == names(both))
      let words = try await make(folder, "-subj", "/CN=My Server", "-addext", san)
      #expect(try names(words).count == 3)
    }
  }

  @Test func `a CSR without a name, or with an invalid one, is refused`() async throws {
    try await with { folder in
      let none = await refused(try await make(folder, "-subj", "/CN=My Server"))
      expectError(none, code: .usage, mentions: "no names", hint: "subjectAltName")
      let alone = await refused(try await make(folder, "-subj", "/CN=example.com"))
      expectError(alone, code: .usage, mentions: "example.com only in its subject")
      #expect(alone?.hint == none?.hint)
      let san = "subjectAltName=DNS:example.com"
      let more = await refused(
        try await make(folder, "-subj", "/CN=mail.example.com", "-addext", san))
      expectError(more, mentions: "mail.example.com")
      let bad = await refused(
        try await make(folder, "-subj", "/", "-addext", "subjectAltName=DNS:a b.example.com"))
      expectError(bad, code: .usage, mentions: "a b.example.com")
    }
  }

  static let weak: [([String], String)] = [
    (["-newkey", "rsa:1024"], "RSA 1024"), (["-newkey", "ed25519"], "Ed25519"),
    (["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"], "EC on secp256k1"),
  ]

  @Test(arguments: weak)
  func `a key that CAs do not accept is named in the error`(_ key: [String], _ name: String)
    async throws
  {
    try await with { folder in
      let error = await refused(try await make(folder, key: key, "-subj", "/CN=example.com"))
      #expect(error?.code == .usage)
      expectError(error, endsWith: name)
      expectError(error, hint: "P-256")
    }
  }

  @Test func `an invalid CSR, or one with a wrong signature, is refused`() async throws {
    try await with { folder in
      let good = try CertificateRequest(
        key: PrivateKey.generate(.ec256), dnsNames: ["example.com"])
      var damaged = good.der
      damaged[damaged.count - 1] ^= 1
      let error = await refused(damaged)
      #expect(error?.code == .usage)
      _ = try await make(folder, "-subj", "/CN=example.com")
      for wrong in [[], Array("hello".utf8), [UInt8](try #require(folder.read("key")).utf8)] {
        let error = await refused(wrong)
        expectError(error, code: .usage, mentions: "CSR")
        #expect(error?.hint != nil)
      }
    }
  }
}
