import CertctlBase
import FoundationEssentials
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import CertctlSystem

@Suite struct FileLockTests {
  let scratch: Scratch
  var path: String { scratch.path + "/lock" }

  init() throws { scratch = try Scratch() }

  @Test func `the error for a held lock reports its holder`() async throws {
    let lock = try await FileLock.acquire(path: path)
    let error = try await #require(throws: HostError.self) {
      try await FileLock.acquire(path: path)
    }
    #expect(error.code == .lockHeld)
    #expect(error.isRetryable)
    let detail = try #require(error.detail)
    #expect(detail.contains("process \(getpid()) ("))
    #expect(detail.contains("xctest") || detail.contains("swift"))
    #expect(FileLock.holder(path)?.pid == getpid())
    lock.release()
    #expect(FileLock.holder(path) == nil)
    #expect(try scratch.names() == ["lock"])
  }

  @Test func `waiting ends when the lock is released`() async throws {
    let first = try await FileLock.acquire(path: path)
    let pauses = Atomic(0)
    // A pause means that the lock is held.
    let clock = WallClock(now: { Date() }) { _ in
      if pauses.add(1, ordering: .relaxed).newValue == 3 { first.release() }
    }
    let second = try await FileLock.acquire(path: path, wait: .seconds(30), clock: clock)
    #expect(second.path == path)
    #expect(pauses.load(ordering: .relaxed) == 3)
  }

  @Test func `waiting ends at the time limit`() async throws {
    let lock = try await FileLock.acquire(path: path)
    let clock = TestClock()
    let error = try await #require(throws: HostError.self) {
      try await FileLock.acquire(path: path, wait: .milliseconds(700), clock: clock.wall)
    }
    #expect(error.code == .lockHeld)
    #expect(clock.waits == [20, 40, 80, 160, 250, 150].map { .milliseconds($0) })
    lock.release()
  }

  @Test func `setting the clock does not end the wait`() async throws {
    let first = try await FileLock.acquire(path: path)
    let time = TestClock()
    let clock = WallClock(now: { time.now }) { pause in
      try time.sleep(pause)
      time.advance(3600)
      if time.waits.count == 3 { first.release() }
    }
    let second = try await FileLock.acquire(path: path, wait: .seconds(30), clock: clock)
    #expect(second.path == path)
  }

  @Test func `cancellation ends the wait`() async throws {
    let lock = try await FileLock.acquire(path: path)
    let pauses = AsyncStream.makeStream(of: Void.self)
    let clock = WallClock(now: { Date() }) { _ in
      pauses.continuation.yield()
      try await Task.sleep(for: .seconds(600))
    }
    let waiting = Task { [path] in
      try await FileLock.acquire(path: path, wait: .seconds(60), clock: clock)
    }
    for await _ in pauses.stream { break }
    waiting.cancel()
    await #expect(throws: CancellationError.self) { try await waiting.value }
    lock.release()
  }

  @Test func `only one task holds the lock at a time`() async throws {
    let inside = Counter()
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<20 {
        group.addTask { [path] in
          let lock = try await FileLock.acquire(path: path, wait: .seconds(60))
          #expect(await inside.enter() == 1)
          await Task.yield()
          await inside.leave()
          lock.release()
        }
      }
      try await group.waitForAll()
    }
  }

  @Test func `deallocation releases the lock`() async throws {
    _ = try await FileLock.acquire(path: path)
    // The acquiring thread may hold a reference for a moment longer.
    _ = try await FileLock.acquire(path: path, wait: .seconds(10))
  }
}

private actor Counter {
  private var inside = 0
  func enter() -> Int {
    inside += 1
    return inside
  }
  func leave() { inside -= 1 }
}
