/// A failure of the test harness, not of the code under test.
package struct HarnessError: Error, Sendable, CustomStringConvertible {
  package let description: String

  package init(_ description: String) {
    self.description = description
  }
}

extension String {
  /// Returns the last lines of a log, for error messages.
  package func tail(lines count: Int = 25) -> String {
    split(separator: "\n", omittingEmptySubsequences: false).suffix(count).joined(separator: "\n")
  }
}

/// Polls until the condition holds.
///
/// Tests never sleep for a fixed time. The limit is reached only if something is broken; on CI
/// machines, which may be busy, it is four times as long.
/// - Throws: `HarnessError` naming `what` when the limit is over, `CancellationError`, or the
///   error of the condition.
package func poll(
  _ what: String, within limit: Duration = .seconds(20), every pause: Duration = .milliseconds(10),
  until condition: () async throws -> Bool
) async throws {
  let limit = limit * patience
  let end = ContinuousClock.now + limit
  while try await !condition() {
    guard ContinuousClock.now < end else {
      throw HarnessError("waited \(limit) in vain for \(what)")
    }
    try await Task.sleep(for: pause)
  }
}

/// The factor by which time limits are longer on CI machines.
private let patience = InstalledProgram.nothingMayBeSkipped ? 4 : 1
