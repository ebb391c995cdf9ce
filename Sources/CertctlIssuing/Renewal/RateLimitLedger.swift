package import ACME
import CertctlStore
package import FoundationEssentials

/// This machine's recent use of the rate limits of its CAs.
///
/// It postpones an order before the CA has to reject it: a rejected order costs a request, and some
/// CAs count it. The ledger knows only this machine. The CA has the last word, because it also
/// counts other hosts and clients with the same names.
///
/// Each limit is a token bucket, stored as the instant at which it will be full again. A full
/// bucket has no entry, so the ledger holds only what was used in the last period.
package struct RateLimitLedger: Codable, Sendable, Equatable {
  /// The version of the file format.
  package var version = RateLimitLedger.formatVersion
  /// When each bucket will be full again, by directory URL and bucket.
  private(set) var authorities: [String: [String: Date]] = [:]

  /// The newest format version that this certctl supports.
  package static let formatVersion = 1

  /// Creates an empty ledger.
  package init() {}

  /// Whether an order may be placed.
  package enum Answer: Sendable, Equatable {
    /// No known limit forbids it.
    case allowed
    /// A limit forbids it until this instant, for this reason.
    case wait(until: Date, reason: String)
  }

  /// Returns whether the order may be placed now.
  ///
  /// - Parameters:
  ///   - order: The order.
  ///   - limits: The CA's limits; those known for its directory by default.
  ///   - now: The time.
  /// - Returns: The longest wait that the limits require, or `allowed`.
  package func answer(to order: OrderUsage, limits: RateLimits? = nil, now: Date) -> Answer {
    let limits = limits ?? .known(for: order.directory)
    // Orders with `replaces` count against no limit.
    guard !order.isReplacement else { return .allowed }
    var checks: [(Bucket, RateLimit?, String)] = []
    if !order.isRenewal(limits, now: now) {
      checks.append((.orders(order.account), limits.orders, "new orders of this account"))
      checks += order.domains.sorted().map {
        (.domain($0), limits.certificatesPerDomain, "certificates for names under \($0)")
      }
    }
    checks.append((.set(order.setKey), limits.certificatesPerSet, "certificates for these names"))
    checks += order.identifiers.map {
      (
        .failures(order.account, $0.baseDomain), limits.failures,
        "failed validations of \($0.baseDomain)"
      )
    }
    return answer(checks, at: order.directory, now: now)
  }

  /// Records that the order was placed, and counts its certificate as issued.
  ///
  /// CAs count certificates only when they issue them. Counting them here keeps concurrent orders
  /// from exceeding the limit together; ``noteFailure(of:names:limits:now:)`` reverts the count.
  package mutating func notePlaced(
    _ order: OrderUsage, limits: RateLimits? = nil, now: Date
  ) {
    let limits = limits ?? .known(for: order.directory)
    for (bucket, limit) in certificateBuckets(order, limits, now: now) {
      spend(bucket, limit, at: order.directory, now: now)
    }
    if !order.isReplacement, !order.isRenewal(limits, now: now) {
      spend(.orders(order.account), limits.orders, at: order.directory, now: now)
    }
  }

  /// Records that a placed order yielded no certificate.
  ///
  /// - Parameters:
  ///   - order: The order.
  ///   - names: The names whose validation failed; none if something else failed.
  ///   - limits: The CA's limits; those known for its directory by default.
  ///   - now: The time.
  package mutating func noteFailure(
    of order: OrderUsage, names: [Identifier], limits: RateLimits? = nil, now: Date
  ) {
    let limits = limits ?? .known(for: order.directory)
    for (bucket, limit) in certificateBuckets(order, limits, now: now) {
      guard let limit, let full = authorities[order.directory]?[bucket.key] else { continue }
      authorities[order.directory]?[bucket.key] = full.addingTimeInterval(-limit.interval)
    }
    for name in Set(names.map(\.baseDomain)) {
      spend(.failures(order.account, name), limits.failures, at: order.directory, now: now)
    }
  }

  /// Removes entries that no limit counts any more.
  ///
  /// Call this before storing the ledger.
  package mutating func prune(now: Date) {
    authorities = authorities.compactMapValues { buckets in
      let used = buckets.filter { $0.value > now }
      return used.isEmpty ? nil : used
    }
  }

  /// The number of buckets in use.
  package var count: Int { authorities.values.reduce(0) { $0 + $1.count } }

  // MARK: - Buckets

  private func certificateBuckets(
    _ order: OrderUsage, _ limits: RateLimits, now: Date
  ) -> [(Bucket, RateLimit?)] {
    var buckets: [(Bucket, RateLimit?)] = [(.set(order.setKey), limits.certificatesPerSet)]
    if !order.isReplacement, !order.isRenewal(limits, now: now) {
      buckets += order.domains.map { (.domain($0), limits.certificatesPerDomain) }
    }
    return buckets
  }

  private func answer(
    _ checks: [(Bucket, RateLimit?, String)], at directory: String, now: Date
  ) -> Answer {
    guard let buckets = authorities[directory] else { return .allowed }
    var answer = Answer.allowed
    var latest = now
    for (bucket, limit, what) in checks {
      guard let limit, let stored = buckets[bucket.key] else { continue }
      // A later instant than that of an empty bucket was recorded by a clock that was ahead.
      let full = min(stored, now.addingTimeInterval(limit.period))
      let free = full.addingTimeInterval(limit.interval + limit.margin - limit.period)
      if free > latest {
        latest = free
        answer = .wait(until: free.stored(.up), reason: "\(what) (\(limit))")
      }
    }
    return answer
  }

  private mutating func spend(
    _ bucket: Bucket, _ limit: RateLimit?, at directory: String, now: Date
  ) {
    guard let limit else { return }
    var buckets = authorities.removeValue(forKey: directory) ?? [:]
    let stored = min(buckets[bucket.key] ?? now, now.addingTimeInterval(limit.period))
    let full = max(stored, now).addingTimeInterval(limit.interval)
    buckets[bucket.key] = min(full, now.addingTimeInterval(limit.period)).stored(.up)
    if buckets.count > Self.mostBuckets {
      // Drop the buckets that will be full soonest, which matter least.
      let kept = buckets.sorted { $0.value > $1.value }.prefix(Self.mostBuckets / 2)
      buckets = Dictionary(uniqueKeysWithValues: kept.map { ($0.key, $0.value) })
    }
    authorities[directory] = buckets
  }

  /// The maximum number of buckets: more than one machine uses, about 1 MB of JSON.
  static let mostBuckets = 20000
}

/// What a limit counts.
private enum Bucket {
  case orders(String)
  case domain(String)
  case set(String)
  case failures(String, String)

  /// The key of the bucket in the file.
  var key: String {
    switch self {
    case .orders(let account): "orders \(account)"
    case .domain(let domain): "domain \(domain)"
    case .set(let set): "set \(set)"
    case .failures(let account, let name): "failures \(account) \(name)"
    }
  }
}

extension RateLimit: CustomStringConvertible {
  /// How long one token takes to refill, in seconds.
  var interval: Double { period / Double(max(1, burst)) }

  /// The safety margin, in seconds.
  ///
  /// The CA counts an order when it arrives and a certificate when it is issued, both later than
  /// certctl does.
  var margin: Double { min(interval / 2, 600) }

  /// The limit in words: "50 per 7 days".
  package var description: String {
    let hours = Int(period / 3600)
    let time =
      hours % 24 == 0 && hours > 0
      ? "\(hours / 24) days" : hours == 1 ? "hour" : "\(hours) hours"
    return "\(burst) per \(time)"
  }
}
