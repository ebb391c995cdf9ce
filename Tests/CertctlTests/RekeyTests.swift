import ACME
import CertctlCrypto
import FoundationEssentials
import Glibc
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlOperations
@testable import CertctlStore

/// The replacement of a key, and the revocation of the old certificate.
struct RekeyTests {
  private func withBench(_ body: (ContextBench) async throws -> Void) async throws {
    try await withTemporaryFolder(label: "rekey") { folder in
      try await body(ContextBench(folder))
    }
  }

  private func live(_ bench: ContextBench) throws -> IssuedCertificate {
    let store = CertificateStore(state: bench.state)
    let live = try #require(try store.liveGeneration(exampleName))
    return try store.load(live, of: exampleName)
  }

  private func lineage(_ bench: ContextBench) throws -> Lineage {
    try #require(try LineageStore(state: bench.state).lineage(exampleName))
  }

  @discardableResult
  private func issue(
    _ bench: ContextBench, _ change: (inout SettingsOverrides) -> Void = { _ in }
  ) async throws -> IssuedCertificate {
    _ = try await bench.context.issue(bench.request("example.com") { change(&$0.overrides) })
    return try live(bench)
  }

  /// Writes a deploy hook that fails while the file `broken` exists.
  private func hook(_ bench: ContextBench) throws -> String {
    let path = try bench.folder.write(
      "deploy", "#!/bin/sh\ntest ! -e '\(bench.folder.path("broken"))'\n")
    try #require(chmod(path, 0o755) == 0)
    return path
  }

  @Test(arguments: [false, true])
  func `rekey creates a new key regardless of reuse-key`(reuses: Bool) async throws {
    try await withBench { bench in
      let old = try await issue(bench) { $0.reuseKey = reuses }
      let report = try await bench.context.rekey(exampleName)
      let new = try live(bench)
      #expect(new.isPair && new.key?.publicKey != old.key?.publicKey)
      #expect(report.certificate.generation == 2 && report.revoked.isEmpty)
      #expect(bench.ca.revocation(of: old.leaf) == nil)
      #expect(try lineage(bench).rekey == nil)
      // The saved reuse-key still applies to the next renewal.
      #expect(try lineage(bench).settings.reuseKey == reuses)
      bench.clock.advance(70 * 86400)
      _ = try await bench.context.renew()
      #expect(try (live(bench).key?.publicKey == new.key?.publicKey) == reuses)
    }
  }

  @Test func `the certificate of a compromised key is revoked last, with its own key`() async throws
  {
    try await withBench { bench in
      let hook = try hook(bench)
      let old = try await issue(bench) { $0.hooks = [hook] }
      bench.ca.resetLog()
      let report = try await bench.context.rekey(exampleName, isCompromised: true)
      #expect(report.revoked == [old.leaf.serialNumber.hexadecimal])
      #expect(report.hooks?.map(\.succeeded) == [true])
      #expect(bench.ca.revocation(of: old.leaf) == 1)
      #expect(bench.ca.kinds.last == .revokeCert)
      #expect(report.certificate.state == .valid && report.certificate.deployment == .deployed)
      #expect(try lineage(bench).rekey == nil)
      #expect(bench.warnings.all.isEmpty)
      let back = await failure { try await bench.context.rollback(exampleName) }
      expectError(back, mentions: "revoked")
    }
  }

  @Test func `rekey can change the key type and replaces both keys of a dual certificate`()
    async throws
  {
    try await withBench { bench in
      let old = try await issue(bench) { $0.dual = true }
      let report = try await bench.context.rekey(
        exampleName, isCompromised: true, keyType: .ec384)
      #expect(report.certificate.keyType == "ec384")
      #expect(old.leaves.map { bench.ca.revocation(of: $0) } == [1, 1])
      #expect(report.revoked.count == 2)
      let new = try live(bench)
      #expect(new.rsa != nil && new.rsa?.key.publicKey != old.rsa?.key.publicKey)
      #expect(bench.warnings.all.contains { $0.contains("reload its servers now") })
    }
  }

  @Test func `nothing is revoked while the deployment fails, and the next call continues`()
    async throws
  {
    try await withBench { bench in
      let hook = try hook(bench)
      let old = try await issue(bench) {
        $0.hooks = [hook]
        $0.keepGenerations = 1
      }
      try bench.folder.write("broken", "")
      for round in 1...2 {
        let error = await failure {
          try await bench.context.rekey(exampleName, isCompromised: true)
        }
        #expect(error?.code == .deploymentFailed && error?.exitCode == 1)
        expectError(
          error, endsWith: "the old one was not revoked",
          hint: "certctl rekey example.com --compromised")
        #expect(bench.ca.revocation(of: old.leaf) == nil)
        #expect(bench.ca.count(.newOrder) == 2, "round \(round)")
      }
      // A renewal in between neither forgets nor prunes the old certificate.
      _ = try await bench.context.renew(.init(force: true))
      bench.folder.remove("broken")
      let report = try await bench.context.rekey(exampleName, isCompromised: true)
      #expect(report.revoked.count == 1)
      #expect(bench.ca.revocation(of: old.leaf) == 1)
      #expect(bench.ca.count(.newOrder) == 3)
      #expect(try lineage(bench).rekey == nil)
    }
  }

  @Test func `a failed order revokes nothing, and the compromised key is not reused`() async throws
  {
    try await withBench { bench in
      let old = try await issue(bench) { $0.reuseKey = true }
      let validate = Recorder<Int>()
      bench.ca.configure {
        $0.validate = { _ in
          validate.add(1)
          return Problem(type: .dns, detail: "NXDOMAIN")
        }
      }
      let error = await failure { try await bench.context.rekey(exampleName, isCompromised: true) }
      #expect(error?.code == .challengeFailed && validate.all.count == 1)
      #expect(bench.warnings.all.contains { $0.contains("was not revoked") })
      #expect(try live(bench).leaf == old.leaf)
      #expect(bench.ca.revocation(of: old.leaf) == nil)
      bench.ca.configure { $0.validate = nil }
      // A renewal that comes first does not reuse the compromised key.
      _ = try await bench.context.renew(.init(force: true))
      #expect(try live(bench).key?.publicKey != old.key?.publicKey)
      bench.ca.resetLog()
      _ = try await bench.context.rekey(exampleName, isCompromised: true)
      #expect(bench.ca.revocation(of: old.leaf) == 1)
      #expect(bench.ca.count(.newOrder) == 0)
    }
  }

  @Test func `a pending order with the old key is not resumed`() async throws {
    try await withBench { bench in
      let old = try await issue(bench) { $0.reuseKey = true }
      bench.ca.configure {
        $0.bend = { kind, body in
          guard kind == .order, body["status"].string == "valid" else { return }
          body["status"] = "processing"
          body["certificate"] = nil
        }
      }
      let slow = await failure {
        try await bench.context.issue(bench.request("example.com") { $0.force = true })
      }
      #expect(slow?.exitCode == 75)
      bench.ca.configure { $0.bend = nil }
      _ = try await bench.context.rekey(exampleName)
      #expect(try live(bench).key?.publicKey != old.key?.publicKey)
    }
  }

  @Test func `a failed revocation is retried by the next call`() async throws {
    try await withBench { bench in
      let old = try await issue(bench)
      bench.ca.inject(.problem("serverInternal", status: 400, detail: "no"), on: .revokeCert)
      let error = await failure { try await bench.context.rekey(exampleName, isCompromised: true) }
      expectError(
        error, mentions: "the old certificate of example.com",
        hint: "certctl rekey example.com --compromised")
      bench.ca.resetLog()
      let report = try await bench.context.rekey(exampleName, isCompromised: true)
      #expect(report.revoked.count == 1 && bench.ca.revocation(of: old.leaf) == 1)
      #expect(bench.ca.count(.newOrder) == 0)
    }
  }

  @Test func `a certificate from a user's CSR cannot be rekeyed`() async throws {
    try await withBench { bench in
      let key = try PrivateKey.generate(.ec256)
      let request = try CertificateRequest(key: key, dnsNames: ["example.com"])
      let given = try UserCSR(contents: request.pem)
      try await issue(bench) { $0.csr = given }
      let error = await failure { try await bench.context.rekey(exampleName, isCompromised: true) }
      expectError(error, code: .refused, hint: "--csr")
      let unknown = await failure { try await bench.context.rekey(LineageName("b.test")) }
      #expect(unknown?.code == .notFound)
    }
  }
}
