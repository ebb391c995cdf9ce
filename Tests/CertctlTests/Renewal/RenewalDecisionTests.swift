import ACME
import FoundationEssentials
import RenewalSimulation
import Testing

@testable import CertctlIssuing
@testable import CertctlStore

struct RenewalDecisionTests {
  private let quarter = lived(90 * day)
  private var generator = SeededGenerator(seed: 7)

  private func decide(
    _ certificate: RenewalCertificate?, _ state: RenewalState? = nil, revoked: Bool = false,
    change: String? = nil, lookAhead: Double = 0, at time: Double
  ) -> RenewalDecision {
    RenewalDecision(
      certificate: certificate, state: state, isRevoked: revoked, settingsChanged: change,
      lookAhead: lookAhead, now: moment(time))
  }

  private mutating func suggested(
    _ start: Double, _ end: Double, page: String? = nil, at time: Double = 0
  ) -> RenewalState {
    var state = RenewalState(certificate: "a")
    state.adopt(
      window(moment(start), moment(end), now: moment(time), page: page), now: moment(time),
      using: &generator)
    return state
  }

  @Test func `without a suggestion, a third of the lifetime is left, or half if it is short`() {
    #expect(decide(quarter, at: 60 * day - 1) == .at(moment(60 * day), .lifetime))
    #expect(decide(quarter, at: 60 * day) == .now(.lifetime))
    let short = lived(160 * 3600)
    #expect(decide(short, at: 80 * 3600 - 1) == .at(moment(80 * 3600), .lifetime))
    #expect(decide(short, at: 80 * 3600) == .now(.lifetime))
  }

  @Test func `a certificate due before the next run is renewed in this one`() {
    #expect(decide(quarter, lookAhead: day, at: 59 * day - 1) == .at(moment(60 * day), .lifetime))
    #expect(decide(quarter, lookAhead: day, at: 59 * day) == .now(.lifetime))
    // The look-ahead does not renew a six-hour certificate at every run.
    let brief = lived(6 * 3600)
    #expect(decide(brief, lookAhead: day, at: 60) == .at(moment(3 * 3600), .lifetime))
  }

  @Test mutating func `the chosen instant is kept as long as the window contains it`() {
    var state = suggested(50 * day, 52 * day)
    let instant = state.suggestion?.instant ?? .distantPast
    #expect((moment(50 * day)...moment(52 * day)).contains(instant))
    state.adopt(
      window(moment(50 * day), moment(52 * day), now: moment(day)), now: moment(day),
      using: &generator)
    #expect(state.suggestion?.instant == instant)
    let start = instant.addingTimeInterval(-5)
    state.adopt(
      window(start, instant, now: moment(day)), now: moment(day), using: &generator)
    #expect(state.suggestion?.instant == instant)
    state.adopt(
      window(moment(10 * day), moment(11 * day), now: moment(day)), now: moment(day),
      using: &generator)
    let moved = state.suggestion?.instant ?? .distantPast
    #expect((moment(10 * day)...moment(11 * day)).contains(moved))
  }

  @Test mutating func `the instants are spread evenly over the window`() {
    var places: [Double] = []
    for _ in 0..<2000 {
      let instant = suggested(50 * day, 52 * day).suggestion?.instant ?? .distantPast
      places.append(instant.timeIntervalSince(moment(50 * day)) / (2 * day))
    }
    for tenth in 0..<10 {
      let count = places.filter { Int($0 * 10) == tenth }.count
      #expect((140...260).contains(count), "tenth \(tenth): \(count)")
    }
  }

  @Test mutating func `a window in the past is due now, with the CA's explanation`() {
    let state = suggested(-2 * day, -day, page: "https://ca.test/why")
    let decision = decide(quarter, state, at: 0)
    #expect(decision.isNow)
    #expect(decision.description.contains("https://ca.test/why"))
  }

  @Test mutating func `a window after the last safe instant does not postpone the renewal`() {
    let state = suggested(80 * day, 85 * day)
    let last = moment(67.5 * day)
    #expect(decide(quarter, state, at: 60 * day) == .at(last, .lastQuarter))
    #expect(decide(quarter, state, at: 67.5 * day) == .now(.lastQuarter))
  }

  @Test mutating func `a window can start after the default due date`() {
    let state = suggested(62 * day, 64 * day)
    #expect(!decide(quarter, state, at: 61 * day).isNow)
  }

  @Test mutating func `the state of another certificate is ignored`() {
    var state = suggested(-2 * day, -day)
    state.noteFailure(of: quarter, now: moment())
    let other = lived(90 * day, name: "b")
    #expect(decide(other, state, at: 1) == .at(moment(60 * day), .lifetime))
    #expect(state.about("b") == RenewalState(certificate: "b"))
    #expect(state.about("a") == state)
  }

  @Test func `missing, revoked, changed and expired certificates are due immediately`() {
    #expect(decide(nil, at: 0) == .now(.noCertificate))
    #expect(decide(quarter, revoked: true, at: 0) == .now(.revoked))
    #expect(
      decide(quarter, change: "new key type", at: 0) == .now(.settingsChanged("new key type")))
    #expect(decide(quarter, at: 90 * day) == .now(.expired))
  }

  @Test func `failures postpone a due renewal, whatever the reason`() {
    var state = RenewalState(certificate: "a")
    state.noteFailure(of: quarter, now: moment())
    let hold = RenewalDecision.Hold.failures(count: 1, last: moment())
    #expect(
      decide(quarter, state, revoked: true, at: 59)
        == .held(until: moment(60), .revoked, hold))
    #expect(decide(quarter, state, revoked: true, at: 60) == .now(.revoked))
    var first = RenewalState()
    first.noteFailure(of: nil, now: moment())
    #expect(!decide(nil, first, at: 59).isNow)
    #expect(decide(nil, first, at: 60).isNow)
  }

  @Test func `failures back off by 1, 10, 100 minutes, then daily`() {
    var state = RenewalState(certificate: "a")
    var waits: [Double] = []
    for _ in 0..<5 {
      state.noteFailure(of: quarter, now: moment(60 * day))
      waits.append(state.failures?.notBefore.timeIntervalSince(moment(60 * day)) ?? 0)
    }
    #expect(waits == [60, 600, 6000, day, day])
  }

  @Test func `retries are more frequent near expiry and less frequent long after it`() {
    func wait(_ certificate: RenewalCertificate, _ time: Double) -> Double {
      var state = RenewalState(certificate: "a")
      for _ in 0..<9 { state.noteFailure(of: certificate, now: moment(time)) }
      return state.failures?.notBefore.timeIntervalSince(moment(time)) ?? 0
    }
    #expect(wait(quarter, 80 * day) == day)
    #expect(wait(quarter, 86 * day) == day / 2)
    #expect(wait(quarter, 89.9 * day) == 3600)
    #expect(wait(quarter, 90.1 * day) == 3600)
    #expect(wait(quarter, 120 * day) == day)
    #expect(wait(lived(6 * 3600), 5.99 * 3600) == 216)
  }

  @Test func `Retry-After is kept, up to seven days and half of the remaining lifetime`() {
    func until(_ named: Double, _ time: Double) -> Double {
      var state = RenewalState(certificate: "a")
      state.noteFailure(of: quarter, retryAfter: moment(time + named), now: moment(time))
      return state.failures?.notBefore.timeIntervalSince(moment(time)) ?? 0
    }
    #expect(until(5 * 3600, 60 * day) == 5 * 3600)
    #expect(until(-3600, 60 * day) == 60)
    #expect(until(300 * day, 60 * day) == 7 * day)
    #expect(until(5 * day, 86 * day) == 2 * day)
  }

  @Test func `a failure recorded with a wrong clock postpones nothing`() {
    var state = RenewalState(certificate: "a")
    state.noteFailure(of: quarter, now: Date(timeIntervalSince1970: 2_147_483_647))
    #expect(decide(quarter, state, at: 60 * day).isNow)
  }

  @Test func `a new certificate resets the state`() {
    var state = RenewalState(certificate: "a")
    state.noteFailure(of: quarter, now: moment(60 * day))
    state.noteUnanswered(now: moment(60 * day))
    state.noteSuccess(lived(90 * day, name: "b"), now: moment(61 * day))
    var expected = RenewalState(certificate: "b")
    expected.obtained = moment(61 * day)
    #expect(state == expected)
  }

  @Test func `a lineage stores its schedule, and a lineage without one can be read`() throws {
    var lineage = Lineage(name: "example.com", settings: settings("example.com"))
    let plain = try reread(lineage)
    #expect(plain == lineage)
    var state = RenewalState(certificate: "a")
    state.noteFailure(of: quarter, now: moment(0.7))
    lineage.schedule = state
    let scheduled = try reread(lineage)
    #expect(scheduled == lineage)
  }
}
