import CertctlIssuing

/// The results of a simulation.
package struct SimulationFigures {
  /// Renewals and first certificates, by the reason of the decision.
  package var renewals: [String: Int] = [:]
  /// Certificates that expired although a run could have renewed them and did not try.
  package var avoidableExpiries = 0
  /// Details of the first avoidable expiries.
  package var examples: [String] = []
  /// Certificates that expired and could not be renewed, by cause.
  package var expiries: [String: Int] = [:]
  /// Orders rejected by a limit of the CA, by limit.
  package var refusals: [String: Int] = [:]
  /// The number of certificates renewed twice.
  package var doubleRenewals = 0
  /// Failed attempts, by cause.
  package var failures: [String: Int] = [:]
  /// The certificates recalled with ARI, and how many of them were not replaced by the deadline.
  package var affected = 0
  package var affectedUntold = 0
  package var affectedAtDeadline = 0
  var replacedAfter: [Double] = []
  var hosts = 0
  var decisions = 0
  var questions = 0
  var held = 0
  var putOff = 0
  var waits = 0
  private(set) var runs = 0
  private(set) var idleRuns = 0
  private var requests: [Double]
  private var orders: [Double]
  private var isTroubled: [Bool]

  init(days: Double) {
    // The last run may end slightly after the last hour.
    let hours = Int(days * 24) + 48
    requests = Array(repeating: 0, count: hours)
    orders = Array(repeating: 0, count: hours)
    isTroubled = Array(repeating: false, count: hours)
  }

  /// The number of renewals and first certificates.
  package var total: Int { renewals.values.reduce(0, +) }

  /// Whether no certificate expired avoidably and no limit or promise was broken.
  package var isGood: Bool {
    avoidableExpiries == 0 && refusals.isEmpty && doubleRenewals == 0 && affectedAtDeadline == 0
  }

  /// Notes the exceptional periods: outages, overloads and the day after each.
  mutating func noteTrouble(_ periods: [Range<Double>]) {
    for period in periods {
      for hour in Int(period.lowerBound / 3600)...Int(period.upperBound / 3600)
      where hour < isTroubled.count {
        isTroubled[hour] = true
      }
    }
  }

  mutating func count(_ made: Int, at time: Double, span: Double) {
    runs += 1
    if made == 0 { idleRuns += 1 }
    // A long run spreads its requests over its hours.
    let first = Int(time / 3600)
    let last = min(Int((time + span) / 3600), requests.count - 1)
    for hour in first...max(first, last) {
      requests[hour] += Double(made) / Double(max(first, last) - first + 1)
    }
  }

  mutating func noteRenewal(_ reason: RenewalDecision.Reason, at time: Double) {
    let word =
      switch reason {
      case .suggested(_, _, let page): page == nil ? "suggested by the CA" : "called in by the CA"
      case .lifetime: "by lifetime"
      case .lastQuarter: "last quarter"
      case .expired: "after expiry"
      case .noCertificate: "first certificate"
      case .revoked: "revoked"
      case .settingsChanged: "settings changed"
      }
    renewals[word, default: 0] += 1
    orders[Int(time / 3600)] += 1
  }

  /// The results as text, one per line.
  package var lines: [String] {
    var lines = ["\(hosts) hosts, \(runs) runs of the timer, \(decisions) decisions"]
    lines.append("renewals: \(total)")
    lines += table(renewals)
    lines.append("failed attempts: \(failures.values.reduce(0, +))")
    lines += table(failures)
    lines.append("held back by back-off: \(held), put off by a CA away: \(putOff) decisions")
    lines.append("made to wait by the ledger: \(waits) decisions")
    lines.append(
      "expired, though a run that did not try could have renewed it: \(avoidableExpiries)")
    lines += examples.map { "  \($0)" }
    lines.append("expired, and could not be renewed: \(expiries.values.reduce(0, +))")
    lines += table(expiries)
    lines.append("refused by a limit of the CA: \(refusals.values.reduce(0, +))")
    lines += table(refusals)
    lines.append("renewed twice: \(doubleRenewals)")
    let day = replacedAfter.filter { $0 <= 86400 }.count
    let interval = replacedAfter.filter { $0 <= 43200 }.count
    lines.append(
      "called in by ARI: \(affected); replaced in 12 h: \(interval), in 24 h: \(day); "
        + "not by the deadline after 5 days: \(affectedAtDeadline); "
        + "never told, since their hosts do not ask: \(affectedUntold)")
    lines.append("runs without any request: \(percent(Double(idleRuns) / Double(max(1, runs))))")
    lines.append("questions for renewal information: \(questions)")
    lines.append("requests per hour: \(spread(requests, all: true))")
    lines.append("  in calm times: \(spread(requests, all: false))")
    lines.append("orders per hour: \(spread(orders, all: true))")
    lines.append("  in calm times: \(spread(orders, all: false))")
    return lines
  }

  private func table(_ counts: [String: Int]) -> [String] {
    counts.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.map { "  \($0.key): \($0.value)" }
  }

  private func spread(_ hours: [Double], all: Bool) -> String {
    let sorted = zip(hours, isTroubled).dropFirst(24).dropLast(72)
      .filter { all || !$0.1 }.map(\.0).sorted()
    guard let most = sorted.last else { return "none" }
    let mean = sorted.reduce(0, +) / Double(sorted.count)
    let variance = sorted.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(sorted.count)
    let p99 = sorted[Int(0.99 * Double(sorted.count - 1))]
    return "mean \(rounded(mean)), p99 \(rounded(p99)), max \(rounded(most)), "
      + "p99/mean \(rounded(p99 / mean)), max/mean \(rounded(most / mean)), "
      + "deviation/mean \(rounded(variance.squareRoot() / mean))"
  }

  private func rounded(_ number: Double) -> String {
    number >= 100 ? "\(Int(number.rounded()))" : "\((number * 100).rounded() / 100)"
  }

  private func percent(_ share: Double) -> String { "\(rounded(share * 100)) %" }
}
