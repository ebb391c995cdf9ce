import ACME
import CertctlIssuing
import CertctlStore
import FoundationEssentials

/// One run of `renew` on one host, from the timer to the last order.
private struct Run {
  let start: Double
  /// Seconds since the start of the run, because orders take time.
  var elapsed = 0.0
  /// The error of the host's clock, in seconds.
  let clockError: Double
  /// Whether the CA was unreachable; the run then sends no more requests.
  var isDown = false
  var requests = 0

  var time: Double { start + elapsed }
  /// The time of the host's clock.
  var now: Date { Simulation.epoch.addingTimeInterval(time + clockError) }
  /// Whether the clock is accurate enough for TLS: less than a year off.
  var canConnect: Bool { abs(clockError) < 365 * 86400 }
}

extension Simulation {
  mutating func run(_ host: Host, _ time: Double) {
    let error = host.clockFault.contains(time) ? host.clockError : 0
    var run = Run(start: time, clockError: error)
    for index in host.sites.indices {
      noteExpiry(host, index, run.time)
      countChance(host, index, run)
      askRenewalInfo(host, index, &run)
      let site = host.sites[index]
      let decision = RenewalDecision(
        certificate: site.certificate, state: site.state,
        lookAhead: 86400 / options.runsPerDay + 3600, now: run.now)
      figures.decisions += 1
      switch decision {
      case .at: break
      case .held: figures.held += 1
      case .now(let reason):
        if run.isDown { figures.putOff += 1 } else { renew(host, index, reason, &run) }
      }
    }
    figures.count(run.requests, at: time, span: run.elapsed)
    host.ledger.prune(now: run.now)
  }

  /// Counts a run that could renew a certificate after the CA's window, or after the same time
  /// computed from its dates.
  private func countChance(_ host: Host, _ index: Int, _ run: Run) {
    host.sites[index].hasChance = false
    guard let certificate = host.sites[index].certificate else { return }
    let time = Self.epoch.addingTimeInterval(run.time)
    let windowEnd = certificate.dueDate.addingTimeInterval(certificate.lifetime / 100)
    guard time >= windowEnd, time < certificate.notAfter, run.clockError == 0, ca.isUp(run.time),
      !host.sites[index].broken.contains(run.time)
    else { return }
    host.sites[index].hasChance = true
    host.sites[index].chances += 1
  }

  /// Connects to the CA, and requests the directory if the cached copy is older than a day.
  ///
  /// - Returns: Whether the CA is reachable.
  private mutating func connect(_ host: Host, _ run: inout Run) -> Bool {
    if run.isDown { return false }
    guard run.canConnect, ca.isUp(run.time) else {
      run.requests += 3
      run.isDown = true
      return false
    }
    if run.time - host.lastDirectory > 86400 {
      host.lastDirectory = run.time
      run.requests += 1
    }
    return true
  }

  private mutating func askRenewalInfo(_ host: Host, _ index: Int, _ run: inout Run) {
    guard host.asksRenewalInfo, !run.isDown, let certificate = host.sites[index].certificate,
      let serial = host.sites[index].serial,
      host.sites[index].state.asksRenewalInfo(for: certificate, now: run.now)
    else { return }
    guard connect(host, &run) else {
      host.sites[index].state.noteUnanswered(now: run.now)
      return
    }
    run.requests += 1
    figures.questions += 1
    let info = ca.renewalInfo(
      serial: serial, notBefore: certificate.notBefore, notAfter: certificate.notAfter,
      now: run.time, epoch: Self.epoch,
      retryAfter: run.now.addingTimeInterval(5.5 * 3600 + generator.below(3600)))
    host.sites[index].state.adopt(info, now: run.now, using: &generator)
  }

  private mutating func renew(
    _ host: Host, _ index: Int, _ reason: RenewalDecision.Reason, _ run: inout Run
  ) {
    let site = host.sites[index]
    let replaces = host.asksRenewalInfo ? site.serial : nil
    let order = OrderUsage(
      directory: Self.directory, account: host.account, identifiers: site.identifiers,
      previous: site.issued, isReplacement: replaces != nil)
    if case .wait = host.ledger.answer(to: order, now: run.now) {
      figures.waits += 1
      return
    }
    func fail(_ cause: String, retryAfter: Double? = nil) {
      figures.failures[cause, default: 0] += 1
      host.sites[index].state.noteFailure(
        of: site.certificate, retryAfter: retryAfter.map(run.now.addingTimeInterval),
        now: run.now)
    }
    guard connect(host, &run) else { return fail("the CA was out of reach") }
    run.requests += 2
    run.elapsed += 1
    switch ca.newOrder(
      host: host.number, site: site, replaces: replaces, now: run.time, generator: &generator)
    {
    case .down:
      run.isDown = true
      return fail("the CA was out of reach")
    case .busy(let wait):
      host.sites[index].tries += site.hasChance ? 1 : 0
      return fail("the CA was busy (429)", retryAfter: wait)
    case .limited(let wait): return fail("refused by a limit (429)", retryAfter: wait)
    case .accepted: break
    }
    host.ledger.notePlaced(order, now: run.now)
    run.elapsed += 3
    if site.broken.contains(run.time) || generator.chance(0.003) {
      run.requests += 4
      ca.countFailure(host: host.number, site: site, now: run.time)
      host.ledger.noteFailure(of: order, names: [site.identifiers[0]], now: run.now)
      host.sites[index].tries += site.hasChance ? 1 : 0
      return fail("a validation failed")
    }
    run.requests += 8
    complete(host, index, reason, replaces, run)
  }

  private mutating func complete(
    _ host: Host, _ index: Int, _ reason: RenewalDecision.Reason, _ replaces: Int?, _ run: Run
  ) {
    let site = host.sites[index]
    if let serial = site.serial, host.asksRenewalInfo, ca.isAffected(serial, now: run.time) {
      figures.replacedAfter.append(run.time - ca.massRevocation)
    }
    let certificate = Self.certificate(of: site, from: run.time)
    host.sites[index].serial = ca.issue(site: site, replaces: replaces, now: run.time)
    host.sites[index].certificate = certificate
    host.sites[index].issued = run.now
    host.sites[index].chances = 0
    host.sites[index].tries = 0
    host.sites[index].isExpired = false
    host.sites[index].state.noteSuccess(certificate, because: reason, now: run.now)
    figures.noteRenewal(reason, at: run.time)
  }

  mutating func noteExpiry(_ host: Host, _ index: Int, _ time: Double) {
    guard let certificate = host.sites[index].certificate, !host.sites[index].isExpired,
      certificate.notAfter <= Self.epoch.addingTimeInterval(time)
    else { return }
    host.sites[index].isExpired = true
    let end = certificate.notAfter.timeIntervalSince(Self.epoch)
    let span = certificate.dueDate.timeIntervalSince(Self.epoch)..<end
    if host.sites[index].chances > host.sites[index].tries {
      figures.avoidableExpiries += 1
      noteExample(host, index, end)
    } else if host.sites[index].chances > 0, !host.sites[index].broken.contains(end) {
      figures.expiries["every attempt that could succeed failed by chance", default: 0] += 1
    } else if host.sites[index].broken.overlaps(span) {
      figures.expiries["the domain pointed elsewhere", default: 0] += 1
    } else if host.off.overlaps(span) {
      figures.expiries["the host was off", default: 0] += 1
    } else if host.clockFault.overlaps(span) {
      figures.expiries["the host's clock was wrong", default: 0] += 1
    } else {
      figures.expiries["the CA was away at every run since it was due", default: 0] += 1
    }
  }

  private mutating func noteExample(_ host: Host, _ index: Int, _ end: Double) {
    guard figures.examples.count < 10 else { return }
    let site = host.sites[index]
    let decision = RenewalDecision(
      certificate: site.certificate, state: site.state,
      now: Self.epoch.addingTimeInterval(end - 1))
    figures.examples.append(
      "host \(host.number), site \(site.number), day \(end / 86400), lifetime "
        + "\(site.lifetime / 86400) days, chances \(site.chances), clock \(host.clockError) in "
        + "\(host.clockFault), off \(host.off), broken \(site.broken); a second before: "
        + "\(decision); \(site.state)")
  }
}
