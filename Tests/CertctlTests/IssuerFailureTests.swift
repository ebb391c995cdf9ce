import ACME
import CertctlBase
import CertctlCrypto
import CertctlSystem
import FoundationEssentials
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlIssuing
@testable import CertctlStore

struct IssuerFailureTests {
  private func withBench(_ body: (IssuerBench) async throws -> Void) async throws {
    try await withState { state, _ in try await body(IssuerBench(state)) }
  }

  private let two = settings("a.test", "b.test")

  @Test func `a failed validation is reported by name, and everything is cleaned up`() async throws
  {
    try await withBench { bench in
      bench.ca.configure {
        $0.validate = { attempt in
          attempt.name == "b.test"
            ? Problem(type: .connection, detail: "no route\u{1B}[2J", status: 400) : nil
        }
      }
      let error = await failure { try await bench.issuer(two).obtain() }
      #expect(error?.code == .challengeFailed)
      #expect(error?.exitCode == 1)
      expectError(error, mentions: "b.test", "no route\u{1B}[2J")
      expectError(error, hint: "port 80")
      #expect(bench.solver.visible.isEmpty)
      #expect(bench.solver.calls.last == .cleanUp(["a.test", "b.test"]))
      let order = try await bench.pending.order(of: exampleName)
      #expect(order == nil)
      #expect(try bench.journal.challenges(of: exampleName) == [])
      #expect(bench.ca.count(.finalize) == 0)
    }
  }

  @Test(arguments: [RecordingSolver.Step.prepare, .present, .wait])
  func `a failed solver cleans up and leaves no authorization pending`(
    _ step: RecordingSolver.Step
  ) async throws {
    try await withBench { bench in
      bench.solver.fail(step)
      #expect(await failure { try await bench.issuer(two).obtain() } != nil)
      #expect(bench.solver.visible.isEmpty)
      guard case .cleanUp = bench.solver.calls.last else {
        Issue.record("not cleaned up: \(bench.solver.calls)")
        return
      }
      #expect(bench.ca.count(.challenge) == 0)
      #expect(!bench.ca.authorizationStates.values.contains("pending"))
      let order = try await bench.pending.order(of: exampleName)
      #expect(order == nil)
      // A solver that fails to prepare costs no order.
      if step == .prepare { #expect(bench.ca.count() == 0) }
    }
  }

  @Test func `a failed cleanup keeps the journal and still returns the certificate`() async throws {
    try await withBench { bench in
      bench.solver.fail(.cleanUp)
      let issued = try await bench.issuer(two).obtain()
      #expect(issued.isPair)
      #expect(try bench.journal.challenges(of: exampleName).count == 2)
    }
  }

  @Test(arguments: [RecordingSolver.Step.prepare, .present, .wait])
  func `a cancelled run cleans up its challenges`(_ step: RecordingSolver.Step) async throws {
    try await withBench { bench in
      bench.solver.sleep(in: step)
      let issuer = bench.issuer(two)
      let run = Task { try await issuer.obtain() }
      try await poll("the solver's step") {
        switch step {
        case .prepare: bench.solver.calls.contains(.prepare)
        case .wait: bench.solver.calls.contains(.wait)
        default: bench.solver.calls.contains(.present(["a.test", "b.test"]))
        }
      }
      run.cancel()
      let result = await run.result
      #expect(throws: CancellationError.self) { try result.get() }
      #expect(bench.solver.visible.isEmpty)
      guard case .cleanUp = bench.solver.calls.last else {
        Issue.record("not cleaned up: \(bench.solver.calls)")
        return
      }
      #expect(!bench.ca.authorizationStates.values.contains("pending"))
      let order = try await bench.pending.order(of: exampleName)
      #expect(order == nil)
      #expect(try bench.journal.challenges(of: exampleName) == [])
    }
  }

  @Test func `every name that the CA refuses is reported`() async throws {
    try await withBench { bench in
      let error = await failure {
        try await bench.issuer(settings("x.forbidden", "a.test", "y.forbidden")).obtain()
      }
      expectError(error, mentions: "x.forbidden", "y.forbidden")
      #expect(error?.problem?.subproblems.count == 2)
      #expect(bench.solver.calls.last == .cleanUp([]))
    }
  }

  @Test func `a rate limit error is retryable and gives the date`() async throws {
    try await withBench { bench in
      bench.ca.inject(
        .problem(
          "rateLimited", status: 429, detail: "too many certificates",
          headers: [HTTPField(name: "Retry-After", value: "86400")]), on: .newOrder, times: 100)
      let error = await failure { try await bench.issuer(two).obtain() }
      #expect(error?.exitCode == 75)
      expectError(error, mentions: "too many certificates")
      let whole = "\(error?.message ?? "") \(error?.hint ?? "")"
      let day = bench.clock.now.addingTimeInterval(86400).rfc3339.prefix(10)
      #expect(whole.contains(day), "it does not name \(day): \(whole)")
    }
  }

  @Test func `an unreachable CA is a retryable error`() async throws {
    try await withBench { bench in
      bench.ca.inject(.refuseConnection, on: .newOrder, times: 1000)
      #expect(await failure { try await bench.issuer(two).obtain() }?.exitCode == 75)
    }
  }

  @Test func `an account unknown to the CA, or deactivated, is an error with a hint`() async throws
  {
    try await withBench { bench in
      bench.ca.forgetAccounts()
      let error = await failure { try await bench.issuer(two).obtain() }
      #expect(error?.exitCode == 1)
      expectError(error, hint: "certctl account register")
    }
    try await withBench { bench in
      try await bench.account.deactivate()
      let error = await failure { try await bench.issuer(two).obtain() }
      #expect(error?.exitCode == 1)
      expectError(error, hint: "deactivate")
    }
  }

  // MARK: - Certificates that differ from the order

  private func refusal(
    _ bench: IssuerBench, _ make: (PrivateKey) throws -> [Certificate]
  ) async throws -> CertctlError? {
    let key = try await bench.leaveOrderProcessing(two)
    bench.serve(try make(key))
    return await failure { try await bench.issuer(two).obtain() }
  }

  private func leaf(
    _ bench: IssuerBench, _ key: PublicKey, _ names: [String] = ["a.test", "b.test"],
    from: Double = -3600, until: Double = 90 * 86400
  ) throws -> Certificate {
    try bench.ca.testCA.leaf(
      for: key, dnsNames: names, notBefore: bench.clock.now.addingTimeInterval(from),
      notAfter: bench.clock.now.addingTimeInterval(until))
  }

  private func expectUnusable(
    _ error: CertctlError?, _ words: String, _ bench: IssuerBench,
    _ place: SourceLocation = #_sourceLocation
  ) throws {
    expectError(error, code: .unusableCertificate, mentions: words, sourceLocation: place)
    #expect(error?.exitCode == 1, sourceLocation: place)
    // The order cannot yield a better certificate.
    #expect(try bench.pending.order(of: exampleName) == nil, sourceLocation: place)
  }

  @Test func `a certificate for another key is refused`() async throws {
    try await withBench { bench in
      let other = try PrivateKey.generate(.ec256).publicKey
      let error = try await refusal(bench) { _ in
        [try leaf(bench, other), bench.ca.testCA.intermediate]
      }
      try expectUnusable(error, "key", bench)
    }
  }

  @Test func `a certificate that lacks a name is refused`() async throws {
    try await withBench { bench in
      let error = try await refusal(bench) {
        [try leaf(bench, $0.publicKey, ["a.test"]), bench.ca.testCA.intermediate]
      }
      try expectUnusable(error, "b.test", bench)
    }
  }

  @Test func `an expired certificate is refused with a hint to check the clock`() async throws {
    try await withBench { bench in
      let error = try await refusal(bench) {
        [
          try leaf(bench, $0.publicKey, from: -20 * 86400, until: -86400),
          bench.ca.testCA.intermediate,
        ]
      }
      try expectUnusable(error, "expired", bench)
      expectError(error, hint: "clock")
    }
  }

  @Test func `a certificate that is not valid yet is refused`() async throws {
    try await withBench { bench in
      let error = try await refusal(bench) {
        [try leaf(bench, $0.publicKey, from: 2 * 86400), bench.ca.testCA.intermediate]
      }
      try expectUnusable(error, "not valid before", bench)
    }
  }

  @Test func `a chain out of order is refused`() async throws {
    try await withBench { bench in
      let error = try await refusal(bench) {
        [try leaf(bench, $0.publicKey), bench.ca.testCA.root, bench.ca.testCA.intermediate]
      }
      try expectUnusable(error, "order", bench)
    }
  }
}
