import ACME
import CertctlCrypto
import CertctlSystem
import FoundationEssentials
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlIssuing
@testable import CertctlStore

struct IssuerResumeTests {
  private func withBench(_ body: (IssuerBench) async throws -> Void) async throws {
    try await withState { state, _ in try await body(IssuerBench(state)) }
  }

  private let two = settings("a.test", "b.test")

  @Test func `an order that stays in processing is kept for a later run`() async throws {
    try await withBench { bench in
      bench.holdOrders()
      let error = await failure { try await bench.issuer(two).obtain() }
      #expect(error?.code == .tryLater)
      #expect(error?.exitCode == 75)
      #expect(bench.solver.visible.isEmpty)
      let order = try await bench.pending.order(of: exampleName)
      #expect(order != nil)
      await #expect(try bench.pending.request(of: exampleName) != nil)
    }
  }

  @Test func `the next run resumes the order with the same key`() async throws {
    try await withBench { bench in
      let key = try await bench.leaveOrderProcessing(two)
      let issued = try await bench.issuer(two).obtain()
      #expect(issued.key?.publicKey == key.publicKey)
      #expect(bench.ca.kinds == [.order, .certificate])
    }
  }

  @Test func `an order whose finalize response was lost keeps its key`() async throws {
    try await withBench { bench in
      bench.ca.inject(.dropAfter, on: .finalize, times: 1)
      let first = try? await bench.issuer(two).obtain()
      let kept = try await #require(try bench.pending.request(of: exampleName))
      let issued = if let first { first } else { try await bench.issuer(two).obtain() }
      #expect(issued.key?.publicKey == kept.key?.publicKey)
      #expect(bench.ca.count(.newOrder) == 1)
    }
  }

  @Test func `a slow validation is resumed without answering the challenges again`() async throws {
    try await withBench { bench in
      bench.ca.configure { $0.validationLooks = 100_000 }
      let error = await failure { try await bench.issuer(two).obtain() }
      #expect(error?.exitCode == 75)
      #expect(bench.ca.count(.challenge) == 2)
      #expect(bench.solver.visible.isEmpty)
      // The CA is still validating: the next run only presents the challenges again.
      let again = await failure { try await bench.issuer(two).obtain() }
      #expect(again?.exitCode == 75)
      #expect(bench.ca.count(.challenge) == 2)
      #expect(bench.ca.count(.newOrder) == 1)
      let presented = bench.solver.calls.count { $0 == .present(["a.test", "b.test"]) }
      #expect(presented == 2)
    }
  }

  @Test func `an order without progress for a day is replaced`() async throws {
    try await withBench { bench in
      _ = try await bench.leaveOrderProcessing(two)
      bench.holdOrders()
      bench.clock.advance(23 * 3600)
      _ = await failure { try await bench.issuer(two).obtain() }
      #expect(bench.ca.count(.newOrder) == 0)
      bench.clock.advance(2 * 3600)
      bench.finishOrders()
      bench.ca.resetLog()
      bench.holdOrders()
      _ = await failure { try await bench.issuer(two).obtain() }
      #expect(bench.ca.count(.newOrder) == 1)
    }
  }

  @Test func `different names need a new order`() async throws {
    try await withBench { bench in
      _ = try await bench.leaveOrderProcessing(two)
      let more = settings("a.test", "b.test", "c.test")
      let issued = try await bench.issuer(more).obtain()
      #expect(issued.leaf.dnsNames.count == 3)
      #expect(bench.ca.count(.newOrder) == 1)
    }
  }

  @Test func `a different webroot keeps the order`() async throws {
    try await withBench { bench in
      _ = try await bench.leaveOrderProcessing(two)
      var moved = two
      moved.challenge = ChallengeSettings(type: .http01, webroot: "/elsewhere")
      _ = try await bench.issuer(moved).obtain()
      #expect(bench.ca.count(.newOrder) == 0)
    }
  }

  @Test func `an order unknown to the CA is replaced`() async throws {
    try await withBench { bench in
      let key = try await bench.leaveOrderProcessing(two)
      bench.ca.inject(.problem("malformed", status: 404, detail: "no such order"), on: .order)
      let issued = try await bench.issuer(two).obtain()
      #expect(bench.ca.count(.newOrder) == 1)
      #expect(issued.key?.publicKey != key.publicKey)
    }
  }

  @Test func `an order that failed meanwhile is replaced`() async throws {
    try await withBench { bench in
      _ = try await bench.leaveOrderProcessing(two)
      let first = Recorder<Int>()
      bench.ca.configure {
        $0.bend = { kind, body in
          guard kind == .order, first.all.isEmpty else { return }
          first.add(1)
          body["status"] = "invalid"
        }
      }
      _ = try await bench.issuer(two).obtain()
      #expect(bench.ca.count(.newOrder) == 1)
    }
  }

  @Test func `an order that fails after finalize reports the CA's reason`() async throws {
    try await withBench { bench in
      bench.ca.configure {
        $0.bend = { kind, body in
          guard kind == .order, body["status"].string == "valid" else { return }
          body["status"] = "invalid"
          body["certificate"] = nil
          body["error"] = [
            "type": "urn:ietf:params:acme:error:caa", "detail": "CAA forbids it",
          ]
        }
      }
      let error = await failure { try await bench.issuer(two).obtain() }
      #expect(error?.exitCode == 1)
      expectError(error, mentions: "CAA forbids it")
      let order = try await bench.pending.order(of: exampleName)
      #expect(order == nil)
    }
  }
}
