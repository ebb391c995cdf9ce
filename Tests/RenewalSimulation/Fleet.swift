import ACME
import CertctlIssuing
import CertctlStore
import FoundationEssentials

/// One certificate of a host: the state of its lineage, and the simulated truth.
struct Site {
  let number: Int
  /// The number of the registered domain.
  let domain: Int
  let identifiers: [Identifier]
  /// The lifetime of its certificates, in seconds.
  let lifetime: Double
  var certificate: RenewalCertificate?
  var state = RenewalState()
  var serial: Int?
  var issued: Date?
  /// The time in which validations fail because the domain points elsewhere.
  var broken: Range<Double> = 0..<0
  /// The number of runs that could have renewed the certificate after the CA's window.
  var chances = 0
  /// The number of these runs that tried and failed through no fault of their own.
  var tries = 0
  /// Whether the current run is one of them.
  var hasChance = false
  var isExpired = false
}

/// A machine with a timer, an account, a rate limit ledger and some certificates.
final class Host {
  let number: Int
  let account: String
  let asksRenewalInfo: Bool
  /// The offset of its runs in the timer's interval, in seconds.
  let delay: Double
  var sites: [Site] = []
  var ledger = RateLimitLedger()
  var lastDirectory = -Double.infinity
  /// The time in which it is switched off.
  var off: Range<Double> = 0..<0
  /// The time in which its clock is wrong, and the error in seconds.
  var clockFault: Range<Double> = 0..<0
  var clockError = 0.0

  init(number: Int, asksRenewalInfo: Bool, delay: Double) {
    self.number = number
    account = "a\(number)"
    self.asksRenewalInfo = asksRenewalInfo
    self.delay = delay
  }
}

/// A builder of the simulated hosts.
struct FleetBuilder {
  let options: SimulationOptions
  var generator: SeededGenerator
  private var domains = 0
  private var numbers = 0

  init(options: SimulationOptions, generator: SeededGenerator) {
    self.options = options
    self.generator = generator
  }

  /// Creates the hosts, few of which have most of the certificates.
  ///
  /// 5 % of the certificates are on hosts of 5, 20 % on hosts of 25, 45 % on hosts of 250 and 30 %
  /// on hosts of 1500.
  mutating func hosts(_ ca: inout SimulatedCA) -> [Host] {
    var hosts: [Host] = []
    for (share, size) in [(0.05, 5), (0.2, 25), (0.45, 250), (0.3, 1500)] {
      var left = Int((share * Double(options.certificates)).rounded())
      while left > 0 {
        let count = min(left, size, max(5, options.certificates / 10))
        hosts.append(host(hosts.count, sites: count, &ca))
        left -= count
      }
    }
    return hosts
  }

  private mutating func host(_ number: Int, sites count: Int, _ ca: inout SimulatedCA) -> Host {
    let host = Host(
      number: number, asksRenewalInfo: !generator.chance(0.1),
      delay: generator.below(86400 / options.runsPerDay))
    // Some hosts start later without certificates; they need the ledger.
    let isLate = number % 31 == 7
    // Some hosts have all their certificates under one domain.
    let shared: Int? = generator.chance(0.05) ? newDomain() : nil
    for _ in 0..<count { host.sites.append(site(shared, isLate: isLate, &ca)) }
    let end = options.days * 86400
    if isLate {
      host.off = 0..<generator.below(end / 2)
    } else if generator.chance(0.02) {
      host.off = period(days: 2...20)
    }
    if generator.chance(0.01) {
      host.clockFault = period(days: 1...3)
      host.clockError = [-56, -0.11, 0.11, 12][Int(generator.below(4))] * 365.25 * 86400
    }
    return host
  }

  private mutating func site(_ shared: Int?, isLate: Bool, _ ca: inout SimulatedCA) -> Site {
    numbers += 1
    let domain = shared ?? newDomain()
    let base = domain % 7 == 0 ? "d\(domain).co.uk" : "d\(domain).example"
    let name = shared == nil ? base : "s\(numbers).\(base)"
    let kind = generator.below(100)
    let lifetime = kind < 90 ? 90 * 86400.0 : kind < 99 ? 45 * 86400 : 160 * 3600
    var site = Site(
      number: numbers, domain: domain, identifiers: [.dns(name), .dns("www.\(name)")],
      lifetime: lifetime)
    if generator.chance(0.004) { site.broken = period(days: 5...60) }
    if !isLate {
      // Ages are spread until the due date, as in a fleet that has run for a long time.
      let begin = -generator.below(lifetime * (lifetime < 10 * 86400 ? 0.5 : 2.0 / 3))
      site.certificate = Simulation.certificate(of: site, from: begin)
      site.serial = ca.issueUncounted(site: site, now: begin)
      site.issued = Simulation.epoch.addingTimeInterval(begin)
      site.state = RenewalState(certificate: site.certificate?.fingerprint)
    }
    return site
  }

  private mutating func newDomain() -> Int {
    domains += 1
    return domains
  }

  private mutating func period(days: ClosedRange<Double>) -> Range<Double> {
    let start = generator.below(options.days * 86400)
    let length = Double.random(in: days, using: &generator) * 86400
    return start..<(start + length)
  }
}
