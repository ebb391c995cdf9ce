internal import FoundationEssentials

/// How often and for how long a request is repeated that met a temporary failure.
///
/// Temporary are: status 429 with a Retry-After that fits into ``totalWait``, 5xx, and connections
/// that broke. Refused nonces are not counted here; see ``refusedNonces``.
public struct RetryPolicy: Sendable {
  /// How often a request is sent at most.
  public var attempts = 5
  /// The first wait; each further one doubles, and a random part of up to a half is taken off.
  public var firstDelay = Duration.milliseconds(500)
  /// The longest wait that is our own choice.
  public var longestDelay = Duration.seconds(15)
  /// The longest time that one call waits in sum.
  ///
  /// A Retry-After beyond it is an error at once, ``ACMEError/retryAfter`` says when to come again.
  public var totalWait = Duration.seconds(60)
  /// How often a request is repeated, at once, because its nonce was refused.
  public var refusedNonces = 150

  /// The usual policy.
  public init() {}

  /// One attempt, no waiting: for callers that have their own plan.
  public static var once: RetryPolicy {
    var policy = RetryPolicy()
    policy.attempts = 1
    policy.totalWait = .zero
    return policy
  }
}

/// What is left of a policy while one call is under way.
struct RetryBudget {
  private let policy: RetryPolicy
  private var attempts = 1
  private var waited = 0.0
  private var refused = 0

  init(_ policy: RetryPolicy) { self.policy = policy }

  /// Whether a refused nonce may be tried again.
  mutating func takeNonce() -> Bool {
    refused += 1
    return refused <= policy.refusedNonces
  }

  /// How long to wait before the next attempt; `nil` when it is time to give up.
  ///
  /// `need` is the wait that the CA asked for: a lower bound, to which a little is added so that
  /// many clients do not come back in the same second.
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
