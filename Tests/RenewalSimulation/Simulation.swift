import ACME
import CertctlStore
import FoundationEssentials

/// The options of a simulation.
package struct SimulationOptions: Sendable {
  /// The number of certificates, the number of days and the seed.
  package var certificates: Int
  package var days: Double
  package var seed: UInt64
  /// The number of timer runs per day and host.
  package var runsPerDay: Double

  /// Creates options; the default is the full simulation.
  package init(
    certificates: Int = 100_000, days: Double = 730, seed: UInt64 = 1, runsPerDay: Double = 2
  ) {
    self.certificates = certificates
    self.days = days
    self.seed = seed
    self.runsPerDay = runsPerDay
  }
}

/// A simulation of years of a fleet's renewals in a minute.
///
/// The decision, the ledger and the back-off are real; the CA, the hosts and the clock are
/// simulated.
package struct Simulation {
  /// The start of the simulation.
  static let epoch = Date(timeIntervalSince1970: 1_767_225_600)
  static let directory = "https://acme-v02.api.letsencrypt.org/directory"

  let options: SimulationOptions
  var generator: SeededGenerator
  var ca = SimulatedCA()
  var figures: SimulationFigures
  private var queue = EventQueue()
  private let hosts: [Host]

  /// Creates the fleet and schedules the CA's incidents.
  package init(_ options: SimulationOptions) {
    self.options = options
    figures = SimulationFigures(days: options.days)
    let day = options.days / 730 * 86400
    // At the same fractions of the simulated time, whatever its length.
    ca.outages = [
      (100 * day)..<(100 * day + 3600), (200.3 * day)..<(200.3 * day + 86400),
      (300.6 * day)..<(300.6 * day + 3 * 86400),
    ]
    ca.overloads = [(250 * day)..<(250 * day + 86400), (600 * day)..<(600 * day + 2 * 86400)]
    ca.massRevocation = 450.4 * day
    var builder = FleetBuilder(options: options, generator: SeededGenerator(seed: options.seed))
    hosts = builder.hosts(&ca)
    generator = builder.generator
    figures.hosts = hosts.count
    figures.noteTrouble(
      (ca.outages + ca.overloads).map { $0.lowerBound..<($0.upperBound + 86400) }
        + [ca.massRevocation..<(ca.massRevocation + 86400)])
  }

  /// Runs the simulation to its end.
  package mutating func run() -> SimulationFigures {
    let interval = 86400 / options.runsPerDay
    let end = options.days * 86400
    let deadline = ca.massRevocation + 5 * 86400
    var wasRevoked = false
    for host in hosts { queue.add(.init(time: host.delay, host: host.number)) }
    while let event = queue.next(), event.time < end {
      if event.time >= ca.massRevocation, figures.affected == 0 { countAffected() }
      if event.time >= deadline, !wasRevoked {
        wasRevoked = true
        figures.affectedAtDeadline = stillAffected(deadline)
      }
      let host = hosts[event.host]
      if host.off.contains(event.time) {
        // A persistent timer fires when the machine is on again.
        queue.add(.init(time: host.off.upperBound, host: event.host))
        continue
      }
      run(host, event.time)
      let slot = ((event.time - host.delay) / interval).rounded(.down) + 1
      let next = slot * interval + host.delay + generator.below(600)
      queue.add(.init(time: max(next, event.time + 60), host: event.host))
    }
    for host in hosts {
      for index in host.sites.indices { noteExpiry(host, index, end) }
    }
    figures.refusals = ca.refusals
    figures.doubleRenewals = ca.doubleRenewals
    return figures
  }

  private mutating func countAffected() {
    let now = ca.massRevocation
    for host in hosts {
      for site in host.sites where ca.isAffected(site.serial ?? .max, now: now) {
        if host.asksRenewalInfo { figures.affected += 1 } else { figures.affectedUntold += 1 }
      }
    }
  }

  /// Returns the number of affected certificates that have not been renewed although their host was
  /// up and their domain worked.
  private func stillAffected(_ deadline: Double) -> Int {
    hosts.filter { $0.asksRenewalInfo && !$0.off.overlaps(ca.massRevocation..<deadline) }
      .reduce(0) { count, host in
        count
          + host.sites.filter {
            $0.serial.map { ca.isAffected($0, now: deadline) } ?? false
              && !$0.broken.overlaps(ca.massRevocation..<deadline)
          }.count
      }
  }

  static func certificate(of site: Site, from begin: Double) -> RenewalCertificate {
    let notBefore = epoch.addingTimeInterval((begin - 3600).rounded(.down))
    return RenewalCertificate(
      fingerprint: "\(site.number) \(begin)", notBefore: notBefore,
      notAfter: notBefore.addingTimeInterval(site.lifetime))
  }
}
