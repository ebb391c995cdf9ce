import CertctlCrypto
import CertctlSystem
import FoundationEssentials
import Glibc
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlOperations
@testable import CertctlStore

struct PruningTests {
  private let ca: TestCA

  init() throws { ca = try TestCA(now: TestClock().now) }

  /// Runs a test with this many generations, the last one in use.
  private func withGenerations(
    _ count: Int, _ body: (CertificateStore, [Certificate]) async throws -> Void
  ) async throws {
    try await withState { state, _ in
      let store = CertificateStore(state: state)
      var leaves: [Certificate] = []
      for _ in 0..<count {
        let certificate = try issued(ca, "example.com")
        let generation = try await store.commit(certificate, to: exampleName, files: FileSettings())
        try await store.use(generation, of: exampleName)
        leaves.append(certificate.leaf)
      }
      try await body(store, leaves)
    }
  }

  private func numbers(_ store: CertificateStore) throws -> [Int] {
    try store.generations(exampleName).map(\.number)
  }

  @Test func `the newest generations are kept, including the one in use`() async throws {
    try await withGenerations(4) { store, _ in
      let none = try store.prune(exampleName, keeping: 4, sparing: [])
      #expect(none.isEmpty)
      #expect(try store.prune(exampleName, keeping: 3, sparing: []).map(\.number) == [1])
      #expect(try store.prune(exampleName, keeping: 1, sparing: []).map(\.number) == [2, 3])
      #expect(try numbers(store) == [4])
      #expect(try store.prune(exampleName, keeping: 0, sparing: []).isEmpty)
    }
  }

  @Test func `generations newer than the one in use are kept and not counted`() async throws {
    try await withGenerations(5) { store, _ in
      try store.use(Generation(number: 3), of: exampleName)
      #expect(try store.prune(exampleName, keeping: 2, sparing: []).map(\.number) == [1])
      #expect(try numbers(store) == [2, 3, 4, 5])
    }
  }

  @Test func `the last deployed generation is kept`() async throws {
    try await withGenerations(4) { store, leaves in
      let deployed = leaves[0].sha256Fingerprint.hexadecimal
      let pruned = try store.prune(exampleName, keeping: 1, sparing: [deployed])
      #expect(pruned.map(\.number) == [2, 3])
      #expect(try numbers(store) == [1, 4])
    }
  }

  @Test func `a damaged generation is pruned, and nothing is pruned without one in use`()
    async throws
  {
    try await withGenerations(3) { store, leaves in
      unlink("\(store.state.archive(exampleName).path)/0001/fullchain.pem")
      let deployed = leaves[1].sha256Fingerprint.hexadecimal
      #expect(try store.prune(exampleName, keeping: 1, sparing: [deployed]).map(\.number) == [1])
      try store.state.live.remove("example.com")
      #expect(try store.prune(exampleName, keeping: 1, sparing: []).isEmpty)
      #expect(try numbers(store) == [2, 3])
    }
  }

  @Test func `five generations are kept by default, and another number is saved`() async throws {
    try await withTemporaryFolder(label: "pruning") { folder in
      let bench = try ContextBench(folder)
      for _ in 1...6 {
        _ = try await bench.context.issue(bench.request("example.com") { $0.force = true })
      }
      #expect(try await bench.context.show(exampleName).generations == [2, 3, 4, 5, 6])
      let fewer = try await bench.context.issue(
        bench.request("example.com") {
          $0.force = true
          $0.overrides.keepGenerations = 2
        })
      #expect(fewer.certificate?.generations == [6, 7])
      let again = try await bench.context.issue(bench.request("example.com") { $0.force = true })
      #expect(again.certificate?.generations == [7, 8])
      // The number to keep does not affect the certificate.
      let more = try await bench.context.issue(
        bench.request("example.com") { $0.overrides.keepGenerations = 9 })
      #expect(more.outcome == .unchanged)
    }
  }
}
