import CertctlSystem
import Synchronization
import TestSupport
import Testing

@testable import CertctlDNS

/// Changes of a zone run one at a time, and waiting changes are batched.
struct ZonePublisherTests {
  /// A provider that records its calls, each of which then waits at a gate.
  private final class Notebook: DNSProvider {
    static let descriptor = DNSProviderDescriptor(
      name: "notebook", title: "Notebook", documentation: "https://notebook.test")

    private let state = Mutex((calls: [String](), running: 0, most: 0))
    private let bad: String?
    private let gate: @Sendable () async throws -> Void

    init(_ context: DNSProviderContext) { (bad, gate) = (nil, {}) }
    init(bad: String? = nil, gate: @escaping @Sendable () async throws -> Void) {
      (self.bad, self.gate) = (bad, gate)
    }

    var calls: [String] { state.withLock(\.calls) }
    var most: Int { state.withLock(\.most) }

    func publish(_ records: [ChallengeRecord], in zone: String) async throws {
      try await note("+", records, zone)
    }

    func remove(_ records: [ChallengeRecord], in zone: String) async throws {
      try await note("-", records, zone)
    }

    private func note(_ sign: String, _ records: [ChallengeRecord], _ zone: String) async throws {
      state.withLock { state in
        state.calls.append("\(zone) \(sign)\(records.count)")
        state.running += 1
        state.most = max(state.most, state.running)
      }
      defer { state.withLock { $0.running -= 1 } }
      try await gate()
      if records.contains(where: { $0.value == bad }) { throw HarnessError("refused") }
    }
  }

  /// The number of waiting changes that the publisher last reported.
  private final class Queue: Sendable {
    private let count = Mutex(0)

    func note(_ count: Int) { self.count.withLock { $0 = count } }

    /// Returns once the wanted number of changes wait.
    func reaches(_ wanted: Int) async throws {
      try await poll("\(wanted) changes to wait") { count.withLock { $0 >= wanted } }
    }
  }

  private func record(_ number: Int) -> ChallengeRecord {
    ChallengeRecord(name: "_acme-challenge.a\(number).test", value: "\(number)", domain: "a.test")
  }

  @Test func `waiting changes are batched, and one runs at a time`() async throws {
    let queue = Queue()
    // The first change holds the zone until all others wait.
    let notebook = Notebook { try await queue.reaches(49) }
    let publisher = ZonePublisher(notebook, didQueue: queue.note)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<50 {
        group.addTask { try await publisher.publish([self.record(number)], in: "test") }
      }
      try await group.waitForAll()
    }
    #expect(notebook.most == 1)
    #expect(notebook.calls == ["test +1", "test +49"])
  }

  @Test func `additions and removals run one after the other`() async throws {
    let queue = Queue()
    let notebook = Notebook { try await queue.reaches(1) }
    let publisher = ZonePublisher(notebook, didQueue: queue.note)
    async let one: Void = publisher.publish([record(1)], in: "test")
    async let two: Void = publisher.remove([record(2)], in: "test")
    _ = try await (one, two)
    #expect(notebook.most == 1)
    #expect(notebook.calls.sorted() == ["test +1", "test -1"])
  }

  @Test(.timeLimit(.minutes(2))) func `zones do not wait for each other`() async throws {
    let running = Mutex(0)
    // Each change continues once the other one runs too.
    let notebook = Notebook {
      running.withLock { $0 += 1 }
      try await poll("the other zone") { running.withLock { $0 == 2 } }
    }
    let publisher = ZonePublisher(notebook)
    async let one: Void = publisher.publish([record(1)], in: "one.test")
    async let two: Void = publisher.remove([record(2)], in: "two.test")
    _ = try await (one, two)
    #expect(notebook.most == 2)
  }

  @Test func `cancelling a caller ends its wait and any change only it requested`() async throws {
    let queue = Queue()
    let notebook = Notebook { try await Task.sleep(for: .seconds(600)) }
    let publisher = ZonePublisher(notebook, didQueue: queue.note)
    let first = Task { try await publisher.publish([self.record(1)], in: "test") }
    try await poll("the first change") { notebook.calls == ["test +1"] }
    let second = Task { try await publisher.publish([self.record(2)], in: "test") }
    try await queue.reaches(1)
    second.cancel()
    await #expect(throws: CancellationError.self) { try await second.value }
    first.cancel()
    await #expect(throws: CancellationError.self) { try await first.value }
    #expect(notebook.calls == ["test +1"])
  }

  @Test func `a refused change does not fail the others`() async throws {
    let queue = Queue()
    let notebook = Notebook(bad: "3") { try await queue.reaches(7) }
    let publisher = ZonePublisher(notebook, didQueue: queue.note)
    let failed = await withTaskGroup(of: Int?.self) { group in
      for number in 0..<8 {
        group.addTask {
          do {
            try await publisher.publish([self.record(number)], in: "test")
            return nil
          } catch {
            return number
          }
        }
      }
      return await group.reduce(into: [Int]()) { if let number = $1 { $0.append(number) } }
    }
    #expect(failed == [3])
    // Two calls if the refused change ran first. Otherwise its batch of seven is retried one by one.
    #expect([2, 9].contains(notebook.calls.count), "\(notebook.calls)")
  }
}
