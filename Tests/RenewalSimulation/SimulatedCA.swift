import ACME
import FoundationEssentials

/// A CA with Let's Encrypt's limits.
///
/// It counts them independently of the ledger, so that it rejects orders if the ledger is wrong.
struct SimulatedCA {
  /// The times in which it does not respond.
  var outages: [Range<Double>] = []
  /// The times in which it rejects one order in five with 429.
  var overloads: [Range<Double>] = []
  /// When it announces with ARI that three in ten certificates will be revoked.
  var massRevocation = Double.infinity
  /// The number of orders rejected by each limit.
  private(set) var refusals: [String: Int] = [:]
  /// The number of orders that replace an already replaced certificate.
  private(set) var doubleRenewals = 0

  private var buckets: [String: Tokens] = [:]
  private var lastIssued: [Int: Double] = [:]
  private var replaced: Set<Int> = []
  private var nextSerial = 0
  private var firstSerialAfterRevocation: Int?

  enum Answer {
    case accepted
    case down
    case busy(retryAfter: Double)
    case limited(retryAfter: Double)
  }

  /// A token bucket that refills steadily.
  private struct Tokens {
    var left: Double
    var time: Double

    mutating func refill(_ burst: Double, _ period: Double, _ now: Double) {
      left = min(burst, left + (now - time) * burst / period)
      time = now
    }
  }

  func isUp(_ now: Double) -> Bool { !outages.contains { $0.contains(now) } }

  mutating func newOrder(
    host: Int, site: Site, replaces: Int?, now: Double, generator: inout SeededGenerator
  ) -> Answer {
    guard isUp(now) else { return .down }
    if overloads.contains(where: { $0.contains(now) }), generator.chance(0.2) {
      return .busy(retryAfter: 1800 + generator.below(5400))
    }
    if let replaces {
      guard replaced.contains(replaces) else { return .accepted }
      doubleRenewals += 1
    }
    var checks = [
      ("certificates per set", "s\(site.number)", 5.0, 7 * 86400.0),
      ("failed validations", "f\(host) \(site.number)", 5, 3600),
    ]
    let isRenewal = lastIssued[site.number].map { now - $0 < 120 * 86400 } ?? false
    if !isRenewal {
      checks.append(("certificates per domain", "d\(site.domain)", 50, 7 * 86400))
      checks.append(("orders per account", "o\(host)", 300, 3 * 3600))
    }
    for (name, key, burst, period) in checks where !has(key, burst, period, now) {
      refusals[name, default: 0] += 1
      return .limited(retryAfter: period / burst)
    }
    if !isRenewal { spend("o\(host)", 300, 3 * 3600, now) }
    return .accepted
  }

  /// Issues a certificate and returns its serial number.
  mutating func issue(site: Site, replaces: Int?, now: Double) -> Int {
    let isRenewal =
      replaces != nil || lastIssued[site.number].map { now - $0 < 120 * 86400 } ?? false
    if !isRenewal { spend("d\(site.domain)", 50, 7 * 86400, now) }
    spend("s\(site.number)", 5, 7 * 86400, now)
    return issueUncounted(site: site, replaces: replaces, now: now)
  }

  /// Issues a certificate without counting limits, as before the start of the simulation.
  mutating func issueUncounted(site: Site, replaces: Int? = nil, now: Double) -> Int {
    if let replaces { replaced.insert(replaces) }
    if now >= massRevocation, firstSerialAfterRevocation == nil {
      firstSerialAfterRevocation = nextSerial
    }
    lastIssued[site.number] = now
    nextSerial += 1
    return nextSerial - 1
  }

  mutating func countFailure(host: Int, site: Site, now: Double) {
    spend("f\(host) \(site.number)", 5, 3600, now)
  }

  /// Returns whether the certificate will be revoked.
  func isAffected(_ serial: Int, now: Double) -> Bool {
    guard now >= massRevocation, serial < firstSerialAfterRevocation ?? .max else { return false }
    return (serial &* 2_654_435_761) >> 8 % 10 < 3
  }

  /// Returns renewal information, computed as Let's Encrypt's server does.
  func renewalInfo(
    serial: Int, notBefore: Date, notAfter: Date, now: Double, epoch: Date, retryAfter: Date
  ) -> RenewalInfo {
    if isAffected(serial, now: now) {
      let start = epoch.addingTimeInterval(massRevocation - 3600)
      return RenewalInfo(
        start: start, end: start.addingTimeInterval(1800),
        explanationURL: "https://ca.example/incident", retryAfter: retryAfter)
    }
    let validity = notAfter.timeIntervalSince(notBefore)
    let left = validity < 10 * 86400 ? validity / 2 : validity / 3
    let middle = notAfter.addingTimeInterval(-left)
    return RenewalInfo(
      start: middle.addingTimeInterval(-validity / 100),
      end: middle.addingTimeInterval(validity / 100), retryAfter: retryAfter)
  }

  private mutating func has(
    _ key: String, _ burst: Double, _ period: Double, _ now: Double
  ) -> Bool {
    guard var tokens = buckets[key] else { return true }
    tokens.refill(burst, period, now)
    buckets[key] = tokens
    return tokens.left > 1 - 1e-6
  }

  private mutating func spend(
    _ key: String, _ burst: Double, _ period: Double, _ now: Double
  ) {
    var tokens = buckets[key] ?? Tokens(left: burst, time: now)
    tokens.refill(burst, period, now)
    tokens.left = max(0, tokens.left - 1)
    buckets[key] = tokens
  }
}
