import HostIO
import Synchronization
import TestSupport
import Testing

@testable import Certctl

/// One change of a zone at a time, with all that waits for it.
struct ZonePublisherTests {
  /// A provider that notes its calls, and can be held up.
  private final class Notebook: DNSProvider {
    static let descriptor = DNSProviderDescriptor(
      name: "notebook", title: "Notebook", documentation: "https://notebook.test")

    private let state = Mutex((calls: [String](), running: 0, most: 0))
    private let bad: String?
    private let pause: Duration

    init(_ context: DNSProviderContext) { (bad, pause) = (nil, .zero) }
    init(bad: String?, pause: Duration = .milliseconds(30)) {
      (self.bad, self.pause) = (bad, pause)
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
      try await Task.sleep(for: pause)
      state.withLock { $0.running -= 1 }
      if records.contains(where: { $0.value == bad }) { throw HarnessError("refused") }
    }
  }

  private func record(_ number: Int) -> ChallengeRecord {
    ChallengeRecord(name: "_acme-challenge.a\(number).test", value: "\(number)", domain: "a.test")
  }

  @Test func `what waits goes together, one change at a time`() async throws {
    let notebook = Notebook(bad: nil)
    let publisher = ZonePublisher(notebook)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<50 {
        group.addTask { try await publisher.publish([self.record(number)], in: "test") }
      }
      try await group.waitForAll()
    }
    #expect(notebook.most == 1)
    #expect(notebook.calls.count < 10, "\(notebook.calls)")
    let counts = notebook.calls.compactMap { Int($0.split(separator: "+").last ?? "") }
    #expect(counts.reduce(0, +) == 50)
  }

  @Test func `zones do not wait for each other`() async throws {
    let notebook = Notebook(bad: nil)
    let publisher = ZonePublisher(notebook)
    async let one: Void = publisher.publish([record(1)], in: "one.test")
    async let two: Void = publisher.remove([record(2)], in: "two.test")
    _ = try await (one, two)
    #expect(notebook.most == 2)
  }

  @Test func `whoever is cancelled waits no longer, and stops what only they wanted`() async throws
  {
    let publisher = ZonePublisher(Notebook(bad: nil, pause: .seconds(600)))
    let first = Task { try await publisher.publish([self.record(1)], in: "test") }
    let second = Task { try await publisher.publish([self.record(2)], in: "test") }
    try await Task.sleep(for: .milliseconds(50))
    second.cancel()
    await #expect(throws: CancellationError.self) { try await second.value }
    first.cancel()
    await #expect(throws: CancellationError.self) { try await first.value }
  }

  @Test func `one that is refused takes nobody with it`() async throws {
    let publisher = ZonePublisher(Notebook(bad: "3"))
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
  }
}
