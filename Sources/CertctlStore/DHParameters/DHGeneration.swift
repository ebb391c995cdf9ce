import CertctlBase
package import CertctlCrypto
import CertctlSystem
import Synchronization

/// How far a search for a safe prime is, and how long it may take.
///
/// Each candidate has the same small chance, whatever came before, so a search has no memory: the time
/// that it still needs is as uncertain after an hour as at its start.
package struct DHProgress: Sendable {
  /// The size of the prime.
  package let bits: Int
  /// The number of threads at work.
  package let threads: Int
  /// How many candidates have been tried.
  package let candidates: Int
  /// How many it takes on average.
  package let expectedCandidates: Double
  /// The time since the start.
  package let elapsed: Duration

  /// Candidates in a second; nil as long as there is too little to tell.
  package var rate: Double? {
    let seconds = elapsed / .seconds(1)
    guard candidates >= 10, seconds >= 0.5 else { return nil }
    return Double(candidates) / seconds
  }

  /// The share of such searches that would have ended by now, 0 to 1.
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

  /// The time from now on after which half of such searches have ended.
  package var median: Duration? { time(0.693_147_180_559_945) }

  /// The time from now on after which nine of ten have ended.
  package var ninetyPercent: Duration? { time(2.302_585_092_994_046) }

  private func time(_ share: Double) -> Duration? {
    rate.map { .seconds(share * expectedCandidates / $0) }
  }
}

/// Makes parameters with a fresh safe prime, on all cores.
///
/// - Parameters:
///   - bits: The size of the prime, 2048 to 8192.
///   - show: Called several times a second.
/// - Returns: The parameters.
/// - Throws: `CancellationError` soon after the task was cancelled, and `CryptoError`.
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
            // The others shall not go on for hours before anybody hears of it.
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
          // Its end by cancellation is the plan: the search is done, or nobody wants it.
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
  /// Checks size, prime and generator; it is called off with the task.
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
