import ACME
import FoundationEssentials
import RenewalSimulation
import Testing

@testable import CertctlIssuing
@testable import CertctlStore

struct RenewalQuestionTests {
  private let certificate = lived(90 * day)
  private var generator = SeededGenerator(seed: 3)

  private func asks(_ state: RenewalState, at time: Double) -> Bool {
    state.asksRenewalInfo(for: certificate, now: moment(time))
  }

  private mutating func asked(retryAfter: Double, at time: Double = 0) -> RenewalState {
    var state = RenewalState(certificate: "a")
    let info = RenewalInfo(
      start: moment(59 * day), end: moment(61 * day), retryAfter: moment(time + retryAfter))
    state.adopt(info, now: moment(time), using: &generator)
    return state
  }

  @Test mutating func `renewal information is requested immediately, then after each Retry-After`()
  {
    #expect(asks(RenewalState(certificate: "a"), at: 0))
    let state = asked(retryAfter: 6 * 3600)
    #expect(!asks(state, at: 1))
    #expect(!asks(state, at: 6 * 3600 - 1))
    #expect(asks(state, at: 6 * 3600))
  }

  @Test mutating func `a Retry-After is limited to between a minute and a day`() {
    let soon = asked(retryAfter: 0)
    #expect(!asks(soon, at: 59))
    #expect(asks(soon, at: 60))
    let late = asked(retryAfter: 9 * day)
    #expect(!asks(late, at: day - 1))
    #expect(asks(late, at: day))
  }

  @Test
  mutating func `an expired certificate is not queried, and a new one is queried immediately`() {
    #expect(!asks(RenewalState(certificate: "a"), at: 90 * day))
    let state = asked(retryAfter: 6 * 3600)
    #expect(state.asksRenewalInfo(for: lived(90 * day, name: "b"), now: moment(1)))
  }

  @Test mutating func `a clock that was wrong does not suppress queries`() {
    let years = asked(retryAfter: 6 * 3600, at: 12 * 365 * day)
    #expect(asks(years, at: day))
    let hours = asked(retryAfter: 6 * 3600, at: 2 * 3600)
    #expect(asks(hours, at: 0))
  }

  @Test mutating func `failed queries are retried after 1, 10, 100 minutes, then every six hours`()
  {
    var state = asked(retryAfter: 60)
    let suggestion = state.suggestion
    let waits: [Double] = [60, 600, 6000, 6 * 3600, 6 * 3600]
    for wait in waits {
      state.noteUnanswered(now: moment(day))
      #expect(!asks(state, at: day + wait - 1))
      #expect(asks(state, at: day + wait))
    }
    #expect(state.suggestion == suggestion)
    let answered = asked(retryAfter: 60)
    #expect(answered.look?.failures == nil)
  }

  @Test mutating func `a CA without renewal information is queried once a day`() {
    var state = asked(retryAfter: 60)
    state.noteNoRenewalInfo(now: moment(60))
    #expect(state.suggestion == nil)
    #expect(!asks(state, at: day))
    #expect(asks(state, at: day + 60))
  }

  @Test(arguments: ["0000-01-01", "9999-12-31"])
  mutating func `a window in the year 0 or 9999 can be stored`(_ date: String) throws {
    let far = date.hasPrefix("9") ? 253_402_300_799.5 : -62_167_219_200
    var state = RenewalState(certificate: "a")
    let start = Date(timeIntervalSince1970: far)
    state.adopt(
      RenewalInfo(start: start, end: start.addingTimeInterval(0.1), retryAfter: moment()),
      now: moment(), using: &generator)
    let stored = try reread(state)
    #expect(stored == state)
    let decision = RenewalDecision(certificate: certificate, state: state, now: moment())
    #expect(decision.isNow == date.hasPrefix("0"))
  }
}
