import CertctlCrypto
import Glibc
import TestSupport
import Testing

extension CrashTests {
  /// certctl with the disk full at each of its write steps, then run again with free space.
  @Suite(
    .timeLimit(.minutes(30)), .requires("pebble", "pebble-challtestsrv", "nginx", "openssl", "curl")
  )
  struct CrashDiskFullTests {
    @Test func `a first issue on a full disk fails with a clear error and loses nothing`()
      async throws
    {
      let count = try await forEachStep(of: .firstIssue) { lab, steps, number in
        let (run, isDone) = try await fill(.firstIssue, lab, steps, number)
        let leaf = try run.expectLivePairOrNone()
        try await run.expectList(leaf: leaf)

        let start = lab.pebble.logSize
        try await run.certctl(lab.issue).requireSuccess("\(run.label): again with space")
        let final = try #require(try run.expectLivePairOrNone(), "\(run.label)")
        run.expectTidy()
        run.expectOneAccount()
        run.expectMadeOnce(final)
        // A record that was renamed but perhaps not synced does not count.
        let isRecorded =
          number > (try steps.number(of: "rename pending/example.com/order.json")) + 1
        #expect(
          run.ledger(since: start).orders == (isDone || isRecorded ? 0 : 1),
          "\(run.label): orders placed by the next run")
      }
      print("disk full at each of \(count) steps of a first issue")
    }

    @Test func `a second generation on a full disk leaves the first in use`() async throws {
      let count = try await forEachStep(of: .secondIssue) { lab, steps, number in
        let (run, isDone) = try await fill(.secondIssue, lab, steps, number)
        let leaf = try #require(try run.expectLivePairOrNone(), "\(run.label): live is gone")
        try await run.expectList(leaf: leaf)
        let switching = try steps.number(of: "rename live/example.com")
        let isSwitched = isDone || number > switching
        #expect(
          run.liveTarget == "../archive/example.com/000\(isSwitched ? 2 : 1)", "\(run.label)")

        let start = lab.pebble.logSize
        try await run.certctl(lab.issue + ["--force"]).requireSuccess(run.label)
        try run.expectLivePairOrNone()
        run.expectTidy()
        // After a completed run, --force places a new order.
        let recorded = try steps.number(of: "rename pending/example.com/order.json") + 1
        let forgotten = try steps.number(of: "unlink pending/example.com/order.json")
        let isKept = (recorded < number && !isDone && number < forgotten) || number == forgotten
        #expect(
          run.ledger(since: start).orders == (isKept ? 0 : 1),
          "\(run.label): orders placed by the next run")
      }
      print("disk full at each of \(count) steps of a second issue")
    }

    @Test func `a full disk during pruning is only a warning`() async throws {
      let count = try await forEachStep(of: .pruning) { lab, steps, number in
        let first = try steps.number(of: "rename archive/example.com/0001")
        let last = try steps.number(of: "rmdir archive/example.com/0001")
        guard first...last ~= number else { return }
        let (run, result) = try await CrashScenario.pruning.run(
          in: lab, steps, fault: "CERTCTL_FAULT_ENOSPC", at: number)
        #expect(result.exitCode == 0, "\(run.label): \(result)")
        #expect(
          result.standardError.contains("warning: cannot remove old versions"),
          "\(run.label): \(result)")
        #expect(run.liveTarget == "../archive/example.com/0003", "\(run.label)")
        try await run.certctl(lab.issue + ["--force"]).requireSuccess(run.label)
        run.expectTidy()
        #expect(
          run.contents.filter { $0.hasPrefix("archive/example.com/") && $0.hasSuffix("/cert.pem") }
            == ["archive/example.com/0004/cert.pem"],
          "\(run.label)")
      }
      print("disk full at each step from the pruning on, of \(count) steps")
    }

    @Test func `a rollover on a full disk leaves a working account`() async throws {
      let count = try await forEachStep(of: .rollover) { lab, steps, number in
        let (run, _) = try await fill(.rollover, lab, steps, number)
        let url = run.accounts.first?["url"].string
        try await run.certctl(["account", "show"] + lab.authority).requireSuccess(run.label)
        #expect(run.accounts.map { $0["url"].string } == [url], "\(run.label): another account")
        run.expectTidy()
        run.expectOneAccount()
        try await run.certctl(["account", "rollover"] + lab.authority).requireSuccess(run.label)
      }
      print("disk full at each of \(count) steps of a rollover")
    }

    @Test func `a deletion on a full disk can be repeated`() async throws {
      let count = try await forEachStep(of: .delete) { lab, steps, number in
        let (run, isDone) = try await fill(.delete, lab, steps, number)
        let leaf = try run.expectLivePairOrNone()
        try await run.expectList(leaf: leaf)
        let again = try await run.certctl(["delete", CrashLab.name])
        let isGone = number > (try steps.number(of: "unlink lineages/example.com.json"))
        #expect(isDone == (number > steps.names.count - 1), "\(run.label)")
        #expect(again.exitCode == (isGone ? 1 : 0), "\(run.label): \(again)")
        let left = run.contents.filter { $0.contains(CrashLab.name) && !$0.hasSuffix(".lock") }
        #expect(left.isEmpty, "\(run.label): left after the second deletion")
      }
      print("disk full at each of \(count) steps of a deletion")
    }

    /// Runs the command with a full disk at its step `number`.
    ///
    /// - Returns: The case, and whether the command succeeded anyway.
    private func fill(
      _ scenario: CrashScenario, _ lab: CrashLab, _ steps: CrashSteps, _ number: Int
    ) async throws -> (CrashCase, Bool) {
      let (run, result) = try await scenario.run(
        in: lab, steps, fault: "CERTCTL_FAULT_ENOSPC", at: number)
      guard number <= steps.names.count, !mayBeLeftOut(number, in: steps) else {
        #expect(result.exitCode == 0, "\(run.label): \(result)")
        return (run, true)
      }
      #expect(result.exitCode == 1, "\(run.label): \(result)")
      let words = result.standardError
      // The trace has placeholders for random names, which the error message cannot contain.
      let path = steps.names[number - 1].split(separator: " ").last ?? ""
      let last = path.split(separator: "/").last ?? ""
      let isRandom = ["TOKEN", "ID", ".tmp-ID", "CA", "PARENT", "account-CA.lock"].contains(last)
      #expect(
        words.contains("no space left on device") && words.contains("hint: free some disk space")
          && (isRandom || words.contains(last)),
        "\(run.label): \(result)")
      return (run, false)
    }

    /// Whether no command fails because of the step: caches, the event log and cleanup.
    private func mayBeLeftOut(_ number: Int, in steps: CrashSteps) -> Bool {
      let name = steps.names[number - 1]
      let before = number > 1 ? steps.names[number - 2] : ""
      if before == "rename cache/directories" || name.contains(" cache/directories")
        || name.hasPrefix("append ")
      {
        return true
      }
      if ["unlink webroot", "rmdir webroot"].contains(where: name.hasPrefix) { return true }
      guard let journal = steps.names.firstIndex(of: "unlink journal/example.com.json") else {
        return false
      }
      if number - 1 == journal || number - 2 == journal { return true }
      // The second to last sync records the issuance, the last one the deployment.
      let kept = steps.names.indices.filter { steps.names[$0] == "fsync lineages" }
      guard let last = kept.last else { return false }
      let issued = kept.count > 1 ? kept[kept.count - 2] : last
      let isOfPending = name.split(separator: " ").last?.hasPrefix("pending") == true
      return number - 1 > last || (number - 1 > issued && isOfPending)
    }
  }
}
