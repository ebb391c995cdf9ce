import CertctlCrypto
import Glibc
import TestSupport
import Testing

extension CrashTests {
  /// certctl killed by SIGKILL before each of its write steps, then run again.
  @Suite(
    .timeLimit(.minutes(30)), .requires("pebble", "pebble-challtestsrv", "nginx", "openssl", "curl")
  )
  struct CrashKillTests {
    @Test func `a first issue killed at any step is resumed by the next run`() async throws {
      let count = try await forEachStep(of: .firstIssue) { lab, steps, number in
        let crashed = try await kill(.firstIssue, lab, steps, number)
        let leaf = try crashed.expectLivePairOrNone()
        try await crashed.expectList(leaf: leaf)

        let start = lab.pebble.logSize
        let final = try await succeed(crashed)
        let isRecorded = number > (try steps.number(of: "rename pending/example.com/order.json"))
        #expect(
          crashed.ledger(since: start).orders == (isRecorded ? 0 : 1),
          "\(crashed.label): orders placed by the next run")
        crashed.expectMadeOnce(final)
        #expect(
          leaf == nil || leaf == final, "\(crashed.label): the certificate in use was replaced")
      }
      print("killed at each of \(count) steps of a first issue")
      #expect(count > 150)
    }

    @Test func `a second issue killed at any step is resumed by the next run`() async throws {
      let count = try await forEachStep(of: .secondIssue) { lab, steps, number in
        let crashed = try await kill(.secondIssue, lab, steps, number)
        let leaf = try #require(
          try crashed.expectLivePairOrNone(), "\(crashed.label): live is gone")
        try await crashed.expectList(leaf: leaf)

        // Without --force: a pending order is completed even though nothing is due.
        let start = lab.pebble.logSize
        let final = try await succeed(crashed)
        #expect(
          crashed.ledger(since: start).orders == 0,
          "\(crashed.label): orders placed by the next run")
        let isRecorded = number > (try steps.number(of: "rename pending/example.com/order.json"))
        if isRecorded {
          crashed.expectMadeOnce(final)
          #expect(crashed.liveTarget == "../archive/example.com/0002", "\(crashed.label)")
        } else {
          #expect(final == leaf, "\(crashed.label): nothing was due")
          #expect(crashed.ledger().serials.isEmpty, "\(crashed.label)")
        }
      }
      print("killed at each of \(count) steps of a second issue")
      #expect(count > 80)
    }

    @Test func `a pruning killed at any step leaves the certificate in use`() async throws {
      let count = try await forEachStep(of: .pruning) { lab, steps, number in
        let first = try steps.number(of: "rename archive/example.com/0001")
        guard number >= first else { return }
        let crashed = try await kill(.pruning, lab, steps, number)
        let leaf = try #require(try crashed.expectLivePairOrNone(), "\(crashed.label)")
        #expect(crashed.liveTarget == "../archive/example.com/0003", "\(crashed.label)")
        crashed.expectMadeOnce(leaf)
        #expect(try await succeed(crashed) == leaf, "\(crashed.label)")
        let isThere = crashed.contents.contains("archive/example.com/0001")
        #expect(isThere == (number == first), "\(crashed.label)")
      }
      print("killed at each step from the pruning on, of \(count) steps")
    }

    @Test func `a dual issue killed at any step leaves both certificates or neither`() async throws
    {
      let count = try await forEachStep(of: .dual) { lab, steps, number in
        let crashed = try await kill(.dual, lab, steps, number)
        let leaf = try #require(try crashed.expectLivePairOrNone(), "\(crashed.label)")
        let isSwitched = crashed.liveTarget == "../archive/example.com/0002"
        #expect(try (crashed.expectRSAPairOrNone() != nil) == isSwitched, "\(crashed.label)")

        let final = try await succeed(crashed, ["--dual"])
        let rsa = try #require(try crashed.expectRSAPairOrNone(), "\(crashed.label)")
        #expect(crashed.liveTarget == "../archive/example.com/0002", "\(crashed.label)")
        if isSwitched { #expect(final == leaf, "\(crashed.label)") }
        crashed.expectMadeOnce(final, rsa)
      }
      print("killed at each of \(count) steps of an issue of two certificates")
      #expect(count > 120)
    }

    @Test func `a rekey killed at any step is resumed and revokes the old certificate last`()
      async throws
    {
      let count = try await forEachStep(of: .rekey) { lab, steps, number in
        let crashed = try await kill(.rekey, lab, steps, number)
        let first = try #require(crashed.read("archive/example.com/0001/cert.pem"))
        let old = try Certificate(pem: Array(first.utf8))
        let leaf = try #require(try crashed.expectLivePairOrNone(), "\(crashed.label)")
        let isDone = try await isRevoked(old, lab)
        #expect(leaf.publicKey != old.publicKey || !isDone, "\(crashed.label): revoked too early")

        let result = try await crashed.certctl(["rekey", CrashLab.name, "--compromised"])
        #expect(result.exitCode == 0, "\(crashed.label): \(result)")
        let final = try #require(try crashed.expectLivePairOrNone(), "\(crashed.label)")
        #expect(try await isRevoked(old, lab), "\(crashed.label): the old key is still good")
        #expect(try await !isRevoked(final, lab), "\(crashed.label): the new one is revoked")
        try await crashed.expectList(leaf: final)
        crashed.expectTidy()
      }
      print("killed at each of \(count) steps of a change of key")
      #expect(count > 90)
    }

    private func isRevoked(_ leaf: Certificate, _ lab: CrashLab) async throws -> Bool {
      let serial = hexadecimal(Array(leaf.serialNumber.drop { $0 == 0 }))
      let text = try await lab.pebble.certificateStatus(serialNumber: serial)
      return text.contains("Revoked")
    }

    @Test func `a rollover killed at any step leaves a working account`() async throws {
      let count = try await forEachStep(of: .rollover) { lab, steps, number in
        let crashed = try await kill(.rollover, lab, steps, number)
        let url = crashed.accounts.first?["url"].string
        #expect(url != nil, "\(crashed.label)")
        try await crashed.expectList(leaf: nil)
        _ = try await succeed(crashed)
        #expect(
          crashed.accounts.map { $0["url"].string } == [url], "\(crashed.label): another account")
      }
      print("killed at each of \(count) steps of a rollover")
      #expect(count >= 10)
    }

    @Test func `a deletion killed at any step can be repeated or undone`() async throws {
      let count = try await forEachStep(of: .delete) { lab, steps, number in
        let crashed = try await kill(.delete, lab, steps, number)
        let leaf = try crashed.expectLivePairOrNone()
        try await crashed.expectList(leaf: leaf)
        let isGone = number > (try steps.number(of: "unlink live/example.com"))
        #expect((leaf == nil) == isGone, "\(crashed.label)")

        let start = lab.pebble.logSize
        let final = try await succeed(crashed)
        #expect(crashed.ledger(since: start).orders == (isGone ? 1 : 0), "\(crashed.label)")
        if let leaf { #expect(leaf == final, "\(crashed.label)") }
        try await crashed.certctl(["delete", CrashLab.name]).requireSuccess(crashed.label)
        let left = crashed.contents.filter { $0.contains(CrashLab.name) && !$0.hasSuffix(".lock") }
        #expect(left.isEmpty, "\(crashed.label): left after the second deletion")
      }
      print("killed at each of \(count) steps of a deletion")
      #expect(count > 15)
    }

    /// Runs the command and kills it at its step `number`.
    private func kill(
      _ scenario: CrashScenario, _ lab: CrashLab, _ steps: CrashSteps, _ number: Int
    ) async throws -> CrashCase {
      let (crashed, result) = try await scenario.run(
        in: lab, steps, fault: "CERTCTL_FAULT_KILL", at: number)
      if number > steps.names.count {
        #expect(result.exitCode == 0, "\(crashed.label): \(result)")
      } else {
        #expect(result.signal == SIGKILL, "\(crashed.label): \(result)")
      }
      return crashed
    }

    /// Runs the next issue without any repair, and expects it to succeed and leave nothing behind.
    ///
    /// - Returns: The leaf in use.
    private func succeed(
      _ crashed: CrashCase, _ options: [String] = []
    ) async throws -> Certificate {
      let result = try await crashed.certctl(crashed.lab.issue + options)
      #expect(result.exitCode == 0, "\(crashed.label): the next issue failed: \(result)")
      let leaf = try #require(
        try crashed.expectLivePairOrNone(), "\(crashed.label): no certificate: \(result)")
      try await crashed.expectList(leaf: leaf)
      crashed.expectTidy()
      crashed.expectOneAccount()
      return leaf
    }

  }
}
