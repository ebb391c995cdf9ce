import CertctlBase
package import CertctlCrypto
import CertctlSystem
import Synchronization

/// The progress of a search for a safe prime, with estimates of the remaining time.
///
/// Every candidate has the same small chance of success. The remaining time is therefore as
/// uncertain after an hour as at the start.
package struct DHProgress: Sendable {
  /// The size of the prime in bits.
  package let bits: Int
  /// The number of threads.
  package let threads: Int
  /// The number of candidates tried so far.
  package let candidates: Int
  /// The average number of candidates that a search needs.
  package let expectedCandidates: Double
  /// The time since the start.
  package let elapsed: Duration

  /// The candidates per second; nil until there is enough data.
  package var rate: Double? {
    let seconds = elapsed / .seconds(1)
    guard candidates >= 10, seconds >= 0.5 else { return nil }
    return Double(candidates) / seconds
  }

  /// The share of such searches that would have finished by now, from 0 to 1.
  package var shareDone: Double {
    // (1 - 1/N) to the power of the candidates, by squaring.
    var factor = 1 - 1 / max(1, expectedCandidates)
    var rest = 1.0
    var exponent = candidates
    while exponent > 0 {
      if exponent & 1 == 1 { rest *= factor }
      factor *= factor
      exponent >>= 1
    }
    return 1 - rest
  }

  /// The remaining time after which half of such searches have finished.
  package var median: Duration? { time(0.693_147_180_559_945) }

  /// The remaining time after which nine of ten such searches have finished.
  package var ninetyPercent: Duration? { time(2.302_585_092_994_046) }

  private func time(_ share: Double) -> Duration? {
    rate.map { .seconds(share * expectedCandidates / $0) }
  }
}

/// Generates parameters with a new safe prime on all cores.
///
/// - Parameters:
///   - bits: The size of the prime in bits, 2048 to 8192.
///   - show: Called several times a second.
/// - Returns: The parameters.
/// - Throws: `CancellationError` soon after the task was cancelled, `CryptoError`.
package func generateDHParameters(
  bits: Int, show: @escaping @Sendable (DHProgress) -> Void
) async throws -> DHParameters {
  let search = try await Blocking.run { try DHSearch(bits: bits) }
  let threads = ParallelSearch.count
  let clock = ContinuousClock()
  let start = clock.now
  try await withTaskCancellationHandler {
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask {
        try await ParallelSearch.run(threads: threads) {
          do {
            try search.work()
          } catch {
            // Without this, the other threads could hide the error for hours.
            search.stop()
            throw error
          }
        }
      }
      group.addTask {
        while true {
          show(
            DHProgress(
              bits: bits, threads: threads, candidates: search.candidates,
              expectedCandidates: search.expectedCandidates, elapsed: clock.now - start))
          // Cancellation ends this loop: the search has finished or was cancelled.
          guard (try? await Task.sleep(for: .milliseconds(200))) != nil else { return }
        }
      }
      defer { group.cancelAll() }
      try await group.next()
    }
  } onCancel: {
    search.stop()
  }
  try Task.checkCancellation()
  guard let parameters = search.result else { throw CancellationError() }
  return parameters
}

extension DHParameters {
  /// Checks the size, prime and generator; stops when the task is cancelled.
  ///
  /// - Returns: The findings.
  /// - Throws: `CryptoError`.
  package func checked() async throws -> DHCheck {
    let isCancelled = Atomic(false)
    return try await withTaskCancellationHandler {
      try await Blocking.run { try check { isCancelled.load(ordering: .relaxed) } }
    } onCancel: {
      isCancelled.store(true, ordering: .relaxed)
    }
  }
}
