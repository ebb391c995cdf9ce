import CertctlCrypto
import Glibc
import TestSupport
import Testing

extension CrashTests {
  /// Ctrl-C at each write step of an issuance: certctl cleans up its challenges immediately.
  @Suite(
    .timeLimit(.minutes(30)), .requires("pebble", "pebble-challtestsrv", "nginx", "openssl", "curl")
  )
  struct CrashInterruptTests {
    @Test func `a first issue interrupted at any step cleans up after itself`() async throws {
      let count = try await forEachStep(of: .firstIssue) { lab, steps, number in
        let (run, result) = try await CrashScenario.firstIssue.run(
          in: lab, steps, fault: "CERTCTL_FAULT_INTERRUPT", at: number)
        let leaf = try run.expectLivePairOrNone()
        // Once the certificate is downloaded, nothing is left to interrupt.
        #expect(
          result.signal == SIGINT || (result.exitCode == 0 && leaf != nil),
          "\(run.label): \(result)")
        // This run cleans up, not the next one.
        run.expectNothingPresented()
        #expect(
          !run.contents.contains { $0.hasPrefix("journal/") || $0.contains(".tmp-") },
          "\(run.label): left behind")
        try await run.expectList(leaf: leaf)

        let start = lab.pebble.logSize
        try await run.certctl(lab.issue).requireSuccess("\(run.label): the next issue")
        let final = try #require(try run.expectLivePairOrNone(), "\(run.label)")
        run.expectTidy()
        run.expectOneAccount()
        run.expectMadeOnce(final)
        let isKept = number > (try steps.number(of: "rename pending/example.com/request.pem"))
        if isKept {
          #expect(
            run.ledger(since: start).orders == 0, "\(run.label): orders placed by the next run")
        }
      }
      print("interrupted at each of \(count) steps of a first issue")
    }
  }
}
