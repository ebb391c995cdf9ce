internal import FoundationEssentials

/// The limits for retries after temporary failures.
///
/// Temporary failures are status 429 with a Retry-After within ``totalWait``, 5xx, and broken
/// connections. Refused nonces have their own limit, ``refusedNonces``.
public struct RetryPolicy: Sendable {
  /// The maximum number of attempts.
  public var attempts = 5
  /// The first delay; each further one doubles, less a random part of up to one half.
  public var firstDelay = Duration.milliseconds(500)
  /// The maximum delay, unless the CA's Retry-After is longer.
  public var longestDelay = Duration.seconds(15)
  /// The maximum total delay of one call.
  ///
  /// A longer Retry-After is an error immediately; see ``ACMEError/retryAfter``.
  public var totalWait = Duration.seconds(60)
  /// The maximum number of immediate retries because of a refused nonce.
  public var refusedNonces = 150

  /// Creates the default policy.
  public init() {}

  /// A policy without retries, for callers that retry themselves.
  public static var once: RetryPolicy {
    var policy = RetryPolicy()
    policy.attempts = 1
    policy.totalWait = .zero
    return policy
  }
}

/// The remaining retries of one call.
struct RetryBudget {
  private let policy: RetryPolicy
  private var attempts = 1
  private var waited = 0.0
  private var refused = 0

  init(_ policy: RetryPolicy) { self.policy = policy }

  /// Counts a refused nonce; returns whether to retry.
  mutating func takeNonce() -> Bool {
    refused += 1
    return refused <= policy.refusedNonces
  }

  /// Counts an attempt; returns the delay before it, or `nil` to give up.
  ///
  /// `need` is the CA's Retry-After, a lower bound. A random part is added so that many clients do
  /// not return in the same second.
  mutating func takeAttempt(need: Double?) -> Duration? {
    guard attempts < policy.attempts else { return nil }
    let own = min(
      policy.firstDelay.inSeconds * Double(1 << min(attempts - 1, 20)),
      policy.longestDelay.inSeconds)
    var delay = own * Double.random(in: 0.5...1)
    if let need { delay = max(delay, need + min(1, need / 10) * Double.random(in: 0...1)) }
    guard max(need ?? 0, 0) + waited <= policy.totalWait.inSeconds else { return nil }
    delay = min(delay, policy.totalWait.inSeconds - waited)
    attempts += 1
    waited += delay
    return .seconds(delay)
  }
}
