import ACME
import FoundationEssentials
import RenewalSimulation
import Testing

@testable import CertctlIssuing
@testable import CertctlStore

/// Properties of the renewal decision for every lifetime, window and clock.
///
/// Each case has its own seed, which a failure prints.
struct RenewalPropertyTests {
  /// A lineage that is renewed by runs at random times, with its state stored between them.
  private struct Course {
    var generator: SeededGenerator
    let certificate: RenewalCertificate
    let longestGap: Double
    var state: RenewalState
    var hasWindow: Bool
    var start: Date
    var end: Date
    var moves: Double

    init(seed: UInt64) {
      generator = SeededGenerator(seed: seed)
      let lifetime = generator.lifetime()
      certificate = lived(lifetime)
      longestGap = min(RenewalDecision.timerInterval, lifetime / 10)
      state = RenewalState(certificate: "a")
      hasWindow = generator.chance(0.7)
      start = moment(generator.within(-0.2...1.3) * lifetime)
      end = start.addingTimeInterval(1 + generator.below(lifetime / 3))
      moves = generator.chance(0.3) ? 0.3 : 0
    }

    /// Queries the CA if a query is due, and returns whether the window moved.
    mutating func ask(_ now: Date) -> Bool {
      guard hasWindow, state.asksRenewalInfo(for: certificate, now: now) else { return false }
      let isMoved = generator.chance(moves)
      if isMoved {
        start = start.addingTimeInterval(generator.within(-0.2...0.2) * certificate.lifetime)
        end = start.addingTimeInterval(1 + generator.below(certificate.lifetime / 3))
      }
      let wait = generator.within(-10...2 * day)
      let info = RenewalInfo(start: start, end: end, retryAfter: now.addingTimeInterval(wait))
      state.adopt(info, now: now, using: &generator)
      return isMoved
    }

    func decide(_ now: Date) -> RenewalDecision {
      RenewalDecision(certificate: certificate, state: state, now: now)
    }
  }

  @Test func `a renewal is never late, never early and never repeated`() throws {
    for seed in UInt64(1)...4000 {
      var course = Course(seed: seed)
      let certificate = course.certificate
      var now = moment(course.generator.below(certificate.lifetime / 2))
      let stored = course.generator.below(8)
      var runs = 0.0
      var announced: Date?
      while true {
        if course.ask(now) { announced = nil }
        if runs == stored.rounded(.down) { course.state = try reread(course.state) }
        let decision = course.decide(now)
        try #require(decision == course.decide(now), "seed \(seed): two answers")
        guard case .at(let instant, let reason) = decision else { break }
        try #require(instant > now, "seed \(seed): due in the past")
        if let announced, reason != .lastQuarter {
          try #require(instant == announced, "seed \(seed): the instant moved")
        }
        announced = reason == .lastQuarter || course.state.suggestion == nil ? nil : instant
        let gap = course.longestGap * course.generator.within(0.7...1)
        now = min(now.addingTimeInterval(gap), instant.addingTimeInterval(60))
        runs += 1
        try #require(runs < 100000, "seed \(seed): no end")
      }
      try #require(now <= certificate.lastSafeInstant.addingTimeInterval(60), "seed \(seed): late")
      try checkReason(course, now, seed)
      try checkOnce(&course, now, seed)
    }
  }

  /// Checks that the renewal is due by the CA's window or the certificate's dates.
  private func checkReason(_ course: Course, _ now: Date, _ seed: UInt64) throws {
    let horizon = now.addingTimeInterval(course.longestGap)
    switch course.decide(now) {
    case .now(.suggested(let start, _, _)):
      try #require(horizon >= start, "seed \(seed): before the window")
    case .now(.lifetime):
      try #require(horizon >= course.certificate.dueDate, "seed \(seed): early")
    case .now(.lastQuarter):
      try #require(horizon >= course.certificate.lastSafeInstant, "seed \(seed): early")
      try #require(
        course.state.suggestion.map { $0.instant > course.certificate.lastSafeInstant } == true,
        "seed \(seed): no reason")
    case let other: Issue.record("seed \(seed): \(other)")
    }
  }

  private func checkOnce(_ course: inout Course, _ now: Date, _ seed: UInt64) throws {
    let next = lived(
      course.certificate.lifetime, from: now.addingTimeInterval(-1).stored(.down), name: "b")
    course.state.noteSuccess(next, because: .lifetime, now: now)
    let laters: [Double] = [0, 1, 60, course.longestGap]
    for later in laters {
      let decision = RenewalDecision(
        certificate: next, state: course.state, now: now.addingTimeInterval(later))
      try #require(!decision.isNow, "seed \(seed): twice")
    }
  }

  /// Returns the time of a wrong clock.
  private static func wrong(_ now: Date, _ generator: inout SeededGenerator) -> Date {
    switch Int(generator.below(5)) {
    case 0: Date(timeIntervalSince1970: generator.below(10 * day))
    case 1: Date(timeIntervalSince1970: 2_147_483_647 + generator.below(10 * day))
    case 2: now.addingTimeInterval(-generator.within(400...1000 * day))
    case 3: now.addingTimeInterval(generator.within(400...1000 * day))
    default: Date(timeIntervalSince1970: -generator.below(day))
    }
  }

  @Test func `state recorded with a wrong clock does not postpone a renewal once it is right`()
    throws
  {
    for seed in UInt64(1)...3000 {
      var course = Course(seed: seed)
      let certificate = course.certificate
      // All runs with a wrong clock fail: they cannot reach a CA.
      for _ in 0..<Int(1 + course.generator.below(5)) {
        let clock = Self.wrong(moment(), &course.generator)
        _ = course.ask(clock)
        if course.generator.chance(0.5) { course.state.noteUnanswered(now: clock) }
        if course.decide(clock).isNow { course.state.noteFailure(of: certificate, now: clock) }
      }
      course.state = try reread(course.state)
      let start = course.generator.below(certificate.lifetime * 0.7)
      var now = moment(start)
      while !course.decide(now).isNow {
        if let look = course.state.look, !course.state.asksRenewalInfo(for: certificate, now: now) {
          try #require(look.next.timeIntervalSince(now) <= day + 300, "seed \(seed): no question")
        }
        _ = course.ask(now)
        if course.decide(now).isNow { break }
        now = now.addingTimeInterval(course.longestGap)
        try #require(now < certificate.notAfter, "seed \(seed): expired")
      }
      try #require(now <= certificate.lastSafeInstant, "seed \(seed): late")
    }
  }

  @Test func `a clock that stays wrong or jumps causes no renewal loop`() throws {
    for seed in UInt64(1)...400 {
      var generator = SeededGenerator(seed: seed)
      let lifetime = generator.lifetime()
      var certificate = lived(lifetime, name: "0")
      var state = RenewalState(certificate: "0")
      var renewals = 0
      let shift = Self.wrong(moment(), &generator).timeIntervalSince(moment())
      let jumps = generator.chance(0.5)
      // A hundred runs in one lifetime, each of which could get a certificate.
      for run in 0..<100 {
        let time = moment(lifetime * Double(run) / 100)
        let clock = jumps && generator.chance(0.5) ? time : time.addingTimeInterval(shift)
        let decision = RenewalDecision(certificate: certificate, state: state, now: clock)
        guard case .now(let reason) = decision else { continue }
        renewals += 1
        certificate = lived(lifetime, from: time, name: "\(renewals)")
        state.noteSuccess(certificate, because: reason, now: clock)
        if run % 10 == 0 { state = try reread(state) }
      }
      try #require(renewals <= 18, "seed \(seed): \(renewals) renewals in one lifetime")
    }
  }

  @Test func `a CA that always suggests an immediate renewal causes few`() throws {
    var generator = SeededGenerator(seed: 5)
    var certificate = lived(90 * day, name: "0")
    var state = RenewalState(certificate: "0")
    var renewals = 0
    for run in 0..<180 {
      let now = moment(Double(run) * day / 2)
      let past = now.addingTimeInterval(-3600)
      state.adopt(
        window(past, past.addingTimeInterval(60), now: now), now: now, using: &generator)
      guard
        case .now(let reason) = RenewalDecision(certificate: certificate, state: state, now: now)
      else { continue }
      renewals += 1
      certificate = lived(90 * day, from: now, name: "\(renewals)")
      state.noteSuccess(certificate, because: reason, now: now)
    }
    // Two are immediate, to allow for two incidents in a row; then the intervals grow.
    #expect((3...20).contains(renewals))
  }

  @Test func `the wait after a failure is short relative to the remaining lifetime`() throws {
    for seed in UInt64(1)...4000 {
      var generator = SeededGenerator(seed: seed)
      let certificate = lived(generator.lifetime())
      let now = moment(generator.within(-0.5...1.5) * certificate.lifetime)
      let named: Date? =
        generator.chance(0.5) ? now.addingTimeInterval(generator.within(-day...90 * day)) : nil
      var state = RenewalState(certificate: "a")
      let count = Int(1 + generator.below(8))
      for _ in 0..<count { state.noteFailure(of: certificate, retryAfter: named, now: now) }
      if seed % 8 == 0 { state = try reread(state) }
      let wait = (state.failures?.notBefore ?? .distantPast).timeIntervalSince(now)
      let left = abs(certificate.notAfter.timeIntervalSince(now))
      let floor = max(60, min(3600, certificate.lifetime / 100))
      let most = named == nil ? min(day, left / 8) : min(7 * day, left / 2)
      try #require(
        wait <= max(most, floor, named == nil ? 0 : min(day, left / 8)) + 1, "seed \(seed)")
      try #require(wait >= min(BackOff.delay(after: count), floor), "seed \(seed)")
      try #require(state.failures?.count == count, "seed \(seed)")
    }
  }
}
