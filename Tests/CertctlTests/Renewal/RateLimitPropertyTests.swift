import ACME
import FoundationEssentials
import RenewalSimulation
import Testing

@testable import CertctlIssuing

/// A comparison of the ledger with a CA that has the same limits.
///
/// The CA accepts every order that the ledger allows, and the ledger postpones none much longer.
struct RateLimitPropertyTests {
  /// A CA that counts tokens and sees every order later than the ledger.
  private struct Counter {
    let burst: Double
    let period: Double
    var tokens: Double
    var time = moment()

    init(_ limit: RateLimit) {
      burst = Double(limit.burst)
      period = limit.period
      tokens = burst
    }

    mutating func refill(_ now: Date) {
      let now = max(now, time)
      tokens = min(burst, tokens + now.timeIntervalSince(time) * burst / period)
      time = now
    }
  }

  @Test func `allowed orders are accepted, and postponed orders do not wait too long`() throws {
    for seed in UInt64(1)...300 {
      var generator = SeededGenerator(seed: seed)
      let period = generator.within(600...7 * day).rounded()
      let limit = RateLimit(Int(1 + generator.below(20)), per: period)
      var limits = RateLimits.none
      limits.certificatesPerSet = limit
      var ca = Counter(limit)
      var ledger = RateLimitLedger()
      let order = OrderUsage(
        directory: "https://ca.test/dir", account: "a", identifiers: [.dns("a.test")])
      var now = moment()
      let eagerness = generator.within(0.05...2)
      for step in 0..<40 {
        now = now.addingTimeInterval(generator.below(limit.interval * eagerness))
        if step == 20 {
          ledger.prune(now: now)
          ledger = try reread(ledger)
        }
        switch ledger.answer(to: order, limits: limits, now: now) {
        case .allowed:
          ca.refill(now.addingTimeInterval(generator.below(min(20, limit.interval / 2))))
          try #require(ca.tokens > 1 - 1e-6, "seed \(seed), step \(step): refused")
          ca.tokens -= 1
          ledger.notePlaced(order, limits: limits, now: now)
        case .wait(let until, _):
          try #require(until > now, "seed \(seed): until the past")
          var later = ca
          later.refill(max(until.addingTimeInterval(-limit.margin - 61), later.time))
          let isTimid = later.tokens > 1 && until.timeIntervalSince(now) > limit.margin + 61
          try #require(!isTimid, "seed \(seed), step \(step): too timid")
          try #require(
            ledger.answer(to: order, limits: limits, now: until) == .allowed,
            "seed \(seed): not even then")
        }
      }
    }
  }
}
