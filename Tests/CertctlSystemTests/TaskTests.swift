import CertctlBase
import CertctlSystem
import Synchronization
import TestSupport
import Testing

private struct Oops: Error, Equatable { var name = "" }

@Suite struct TaskTests {
  @Test func `blocking work runs outside the cooperative pool`() async throws {
    // Far more tasks than the pool has threads.
    let sum = try await withThrowingTaskGroup(of: Int.self) { group in
      for number in 0..<200 { group.addTask { try await Blocking.run { number } } }
      return try await group.reduce(0, +)
    }
    #expect(sum == 199 * 200 / 2)
  }

  @Test func `sequential calls and bursts of calls all run`() async throws {
    // Covers waiting, new and just ended threads.
    for round in 0..<4 {
      for number in 0..<500 { #expect(try await Blocking.run { number } == number) }
      let sum = try await withThrowingTaskGroup(of: Int.self) { group in
        for number in 0..<500 { group.addTask { try await Blocking.run { number } } }
        return try await group.reduce(0, +)
      }
      #expect(sum == 499 * 500 / 2)
      // Idle threads end at about this time.
      try await Task.sleep(for: .milliseconds(970 + 20 * round))
    }
  }

  @Test func `an error of blocking work is thrown`() async {
    await #expect(throws: Oops()) { try await Blocking.run { throw Oops() } }
  }

  @Test func `clean-up runs after success`() async throws {
    let seen = Mutex(false)
    let value = try await withCleanup(timeout: .seconds(5)) {
      7
    } cleanup: { result in
      let value = try result.get()
      seen.withLock { $0 = value == 7 }
    }
    #expect(value == 7)
    #expect(seen.withLock { $0 })
  }

  @Test func `the clean-up has less time after cancellation`() async throws {
    let heard = Mutex<(any Error)?>(nil)
    let task = Task {
      try await withCleanup(timeout: .seconds(90), afterCancellation: .milliseconds(20)) {
        error in
        heard.withLock { $0 = error }
      } _: {
        try await Task.sleep(for: .seconds(90))
      } cleanup: { _ in
        try await Task.sleep(for: .seconds(90))
      }
    }
    let start = ContinuousClock.now
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(ContinuousClock.now - start < .seconds(60))
    #expect((heard.withLock(\.self) as? HostError)?.code == .timedOut)
  }

  @Test func `the body's error takes precedence over the clean-up's`() async {
    let heard = Mutex<Oops?>(nil)
    await #expect(throws: Oops(name: "body")) {
      try await withCleanup(timeout: .seconds(5)) { error in
        heard.withLock { $0 = error as? Oops }
      } _: {
        throw Oops(name: "body")
      } cleanup: { (_: Result<Void, any Error>) in
        throw Oops(name: "clean up")
      }
    }
    #expect(heard.withLock { $0 } == Oops(name: "clean up"))
  }

  @Test func `cancellation does not stop the clean-up`() async {
    let finished = Mutex(false)
    let started = AsyncStream.makeStream(of: Void.self)
    let task = Task {
      try await withCleanup(timeout: .seconds(5)) {
        started.continuation.yield()
        try await Task.sleep(for: .seconds(60))
      } cleanup: { _ in
        try await Task.sleep(for: .milliseconds(20))
        finished.withLock { $0 = true }
      }
    }
    for await _ in started.stream { break }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(finished.withLock { $0 })
  }

  @Test func `a hanging clean-up is abandoned`() async throws {
    let heard = Mutex<HostError.Code?>(nil)
    let hanging = Mutex<CheckedContinuation<Void, Never>?>(nil)
    try await withCleanup(timeout: .milliseconds(50)) { error in
      heard.withLock { $0 = (error as? HostError)?.code }
    } _: {
    } cleanup: { _ in
      // Ignores cancellation, as a faulty plug-in would.
      await withCheckedContinuation { continuation in hanging.withLock { $0 = continuation } }
    }
    #expect(heard.withLock { $0 } == .timedOut)
    try await poll("the retraction to hang") { hanging.withLock { $0 != nil } }
    hanging.withLock { $0.take() }?.resume()
  }
}
