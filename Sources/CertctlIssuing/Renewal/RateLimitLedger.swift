package import ACME
import CertctlStore
package import FoundationEssentials

/// What this machine has asked of its CAs lately, as far as their limits count it.
///
/// It says "wait" before a CA has to: a refused order costs a request, and some CAs count it. It
/// knows only this machine: what other hosts and clients do with the same names counts at the CA
/// too, so the CA has the last word.
///
/// Each limit is a token bucket, of which one instant is kept: when it will be full again. A bucket
/// that is full is no entry at all, so the ledger holds no more than was used in the last period.
package struct RateLimitLedger: Codable, Sendable, Equatable {
  /// The version of the file's format.
  package var version = RateLimitLedger.formatVersion
  /// By directory URL and bucket, when the bucket is full again.
  private(set) var authorities: [String: [String: Date]] = [:]

  /// The newest version of the format that this certctl knows.
  package static let formatVersion = 1

  /// A ledger with nothing in it.
  package init() {}

  /// Whether something may be asked of the CA.
  package enum Answer: Sendable, Equatable {
    /// No limit that we know forbids it.
    case allowed
    /// A limit forbids it until this instant, for this reason.
    case wait(until: Date, reason: String)
  }

  /// Whether the order may be placed now.
  ///
  /// - Parameters:
  ///   - order: The order.
  ///   - limits: The CA's limits; those known for its directory by default.
  ///   - now: The time.
  /// - Returns: The longest of the waits that the limits ask for, if any does.
  package func answer(to order: OrderUsage, limits: RateLimits? = nil, now: Date) -> Answer {
    let limits = limits ?? .known(for: order.directory)
    // Renewals that the CA is told about count against nothing.
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

  /// Notes that the order was placed, and counts its certificate as issued.
  ///
  /// CAs count certificates later, when they issue them. Counting them here keeps orders side by
  /// side from passing the limit together; ``noteFailure(of:names:limits:now:)`` gives them back.
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

  /// Notes that an order that was placed gave no certificate.
  ///
  /// - Parameters:
  ///   - order: The order.
  ///   - names: The names of which the validation failed; none if something else went wrong.
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

  /// Forgets what no limit can see any more.
  ///
  /// To be called before the ledger is stored.
  package mutating func prune(now: Date) {
    authorities = authorities.compactMapValues { buckets in
      let used = buckets.filter { $0.value > now }
      return used.isEmpty ? nil : used
    }
  }

  /// How many buckets are in use.
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
      // No bucket is emptier than empty: what says so was noted by a clock that was ahead.
      let full = min(stored, now.addingTimeInterval(limit.period))
      let free = full.addingTimeInterval(limit.interval + limit.margin - limit.period)
      if free > latest {
        latest = free
        answer = .wait(until: free.stored(.up), reason: "\(what): \(limit)")
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
      // Those that will be full soonest say least.
      let kept = buckets.sorted { $0.value > $1.value }.prefix(Self.mostBuckets / 2)
      buckets = Dictionary(uniqueKeysWithValues: kept.map { ($0.key, $0.value) })
    }
    authorities[directory] = buckets
  }

  /// More than any one machine uses; about 1 MB of JSON.
  static let mostBuckets = 20000
}

/// What a limit counts.
private enum Bucket {
  case orders(String)
  case domain(String)
  case set(String)
  case failures(String, String)

  /// The name of the bucket in the file.
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
  /// How long one takes to come back, in seconds.
  var interval: Double { period / Double(max(1, burst)) }

  /// By how much we keep off the limit, in seconds: the CA counts an order when it arrives and a
  /// certificate when it is issued, both later than we do.
  var margin: Double { min(interval / 2, 600) }

  /// The limit in words: "50 in 7 days".
  package var description: String {
    let hours = Int(period / 3600)
    let time =
      hours % 24 == 0 && hours > 0
      ? "\(hours / 24) days" : hours == 1 ? "an hour" : "\(hours) hours"
    return "the CA allows \(burst) in \(time)"
  }
}
