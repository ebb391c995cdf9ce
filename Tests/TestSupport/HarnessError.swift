/// Why the harness, not the code under test, could not do its work.
package struct HarnessError: Error, Sendable, CustomStringConvertible {
  package let description: String

  package init(_ description: String) {
    self.description = description
  }
}

extension String {
  /// The last lines of a log, for error messages.
  package func tail(lines count: Int = 25) -> String {
    split(separator: "\n", omittingEmptySubsequences: false).suffix(count).joined(separator: "\n")
  }
}

/// Asks again and again until the answer is yes.
///
/// Tests never sleep for a fixed time: they poll for what they wait for, with a limit that is only
/// reached when something is broken. On a machine of a CI, which may be busy, it is four times as long.
/// - Throws: `HarnessError` naming `what` when the limit is over, `CancellationError`, or whatever
///   the condition throws.
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

/// By how much limits are longer where nobody waits for the result.
private let patience = InstalledProgram.nothingMayBeSkipped ? 4 : 1
