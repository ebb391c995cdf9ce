import ACME
import CertctlBase
import CertctlSystem
import FoundationEssentials
import RenewalSimulation
import TestSupport
import Testing

@testable import CertctlCore
@testable import CertctlIssuing

struct RateLimitLedgerTests {
  private let directory = "https://acme-v02.api.letsencrypt.org/directory"

  private func order(
    _ names: String..., previous: Date? = nil, replaces: Bool = false, account: String = "a",
    directory: String? = nil
  ) -> OrderUsage {
    OrderUsage(
      directory: directory ?? self.directory, account: account,
      identifiers: names.map { .dns($0) }, previous: previous, isReplacement: replaces)
  }

  private func wait(_ answer: RateLimitLedger.Answer, from now: Date) -> Double {
    if case .wait(let until, _) = answer { until.timeIntervalSince(now) } else { 0 }
  }

  @Test func `the sixth certificate for the same names waits, unless it replaces one`() {
    var ledger = RateLimitLedger()
    for run in 0..<5 {
      let now = moment(Double(run) * 3600)
      #expect(ledger.answer(to: order("a.test", "b.test", previous: now), now: now) == .allowed)
      ledger.notePlaced(order("a.test", "b.test", previous: now), now: now)
    }
    let now = moment(5 * 3600)
    let sixth = order("b.test", "a.test", previous: now)
    // One order is refilled every 33.6 hours; ten minutes allow for the CA's clock.
    #expect(wait(ledger.answer(to: sixth, now: now), from: now) == 28.6 * 3600 + 600)
    #expect(ledger.answer(to: sixth, now: moment(33.6 * 3600 + 600)) == .allowed)
    #expect(ledger.answer(to: order("b.test", "a.test", replaces: true), now: now) == .allowed)
    #expect(ledger.answer(to: order("a.test"), now: now) == .allowed)
  }

  @Test func `a domain gets fifty certificates a week across accounts, renewals not counted`() {
    var ledger = RateLimitLedger()
    for number in 0..<50 {
      let planned = order("s\(number).a.test", account: "\(number % 2)")
      #expect(ledger.answer(to: planned, now: moment(700)) == .allowed, "\(number)")
      ledger.notePlaced(planned, now: moment())
    }
    let answer = ledger.answer(to: order("other.a.test"), now: moment(700))
    #expect(wait(answer, from: moment(700)) == 7 * day / 50 - 100)
    guard case .wait(_, let reason) = answer else { return }
    expectText(reason, mentions: "under a.test", "50 per 7 days")
    let renewal = { (days: Double) in order("other.a.test", previous: moment(-days * day)) }
    #expect(ledger.answer(to: renewal(60), now: moment(700)) == .allowed)
    #expect(ledger.answer(to: renewal(121), now: moment(700)) != .allowed)
    #expect(ledger.answer(to: order("a.b.test"), now: moment(700)) == .allowed)
  }

  @Test func `a failed order counts as failed validations, not as a certificate`() {
    var ledger = RateLimitLedger()
    let planned = order("*.a.test", "b.test")
    for _ in 0..<5 {
      ledger.notePlaced(planned, now: moment())
      ledger.noteFailure(of: planned, names: [.dns("*.a.test")], now: moment())
    }
    #expect(wait(ledger.answer(to: planned, now: moment()), from: moment()) == 720 + 360)
    #expect(wait(ledger.answer(to: order("a.test"), now: moment()), from: moment()) == 1080)
    #expect(ledger.answer(to: order("b.test"), now: moment()) == .allowed)
    let other = order("a.test", account: "b")
    #expect(ledger.answer(to: other, now: moment()) == .allowed)
    #expect(ledger.answer(to: planned, now: moment(1080)) == .allowed)
  }

  @Test func `staging has higher limits, and other CAs have no known limits`() {
    var ledger = RateLimitLedger()
    let staging = "https://acme-staging-v02.api.letsencrypt.org/directory"
    for (directory, isAllowed) in [(directory, false), (staging, true)] {
      let planned = order("a.test", directory: directory)
      for _ in 0..<5 { ledger.notePlaced(planned, now: moment()) }
      #expect((ledger.answer(to: planned, now: moment()) == .allowed) == isAllowed)
    }
    let count = ledger.count
    for _ in 0..<1000 {
      let planned = order("a.test", directory: "https://ca.test/dir")
      ledger.notePlaced(planned, now: moment())
      #expect(ledger.answer(to: planned, now: moment()) == .allowed)
    }
    #expect(ledger.count == count)
  }

  @Test func `expired entries are pruned, and the size of a ledger is limited`() {
    var ledger = RateLimitLedger()
    for number in 0..<200 { ledger.notePlaced(order("d\(number).test"), now: moment()) }
    #expect(ledger.count == 401)
    ledger.prune(now: moment(2.5 * 3600))
    #expect(ledger.count == 400)
    ledger.prune(now: moment(day))
    #expect(ledger.count == 200)
    ledger.prune(now: moment(8 * day))
    #expect(ledger == RateLimitLedger())
    for number in 0..<12000 { ledger.notePlaced(order("d\(number).test"), now: moment()) }
    #expect(ledger.count <= RateLimitLedger.mostBuckets)
  }

  @Test func `a ledger written with a wrong clock delays an order by one token at most`() throws {
    var ledger = RateLimitLedger()
    let future = Date(timeIntervalSince1970: 2_147_483_647)
    for _ in 0..<5 { ledger.notePlaced(order("a.test", previous: future), now: future) }
    let planned = order("a.test", previous: moment())
    #expect(wait(ledger.answer(to: planned, now: moment()), from: moment()) <= 7 * day / 5 + 600)
    let stored = try reread(ledger)
    #expect(stored == ledger)
  }

  @Test(arguments: [
    ("www.example.com", "example.com"), ("example.com", "example.com"), ("com", "com"),
    ("*.a.b.example.co.uk", "example.co.uk"), ("co.uk", "co.uk"), ("www.example.de", "example.de"),
    ("x.com.example.io", "example.io"), ("www.user.github.io", "user.github.io"),
    ("github.io", "github.io"), ("www.shop.kawasaki.jp", "www.shop.kawasaki.jp"),
    ("a.www.shop.kawasaki.jp", "www.shop.kawasaki.jp"),
    ("www.city.kawasaki.jp", "city.kawasaki.jp"),
    ("www.web.de", "web.de"), ("_acme-challenge.web.de", "web.de"),
    ("www.xn--bcher-kva.example", "xn--bcher-kva.example"),
    ("www.shop.xn--55qx5d.cn", "shop.xn--55qx5d.cn"), ("a.b.test", "b.test"),
  ])
  func `the registered domain follows the public suffix list`(_ name: String, _ domain: String) {
    #expect(RegisteredDomain.key(of: .dns(name)) == domain)
  }

  private static let noList = Result<PublicSuffixes, HostError>.failure(
    HostError(.missingLibrary, operation: "load", subject: "a list", hint: "apt-get install it"))

  @Test(arguments: [
    ("www.example.com", "example.com"), ("example.com", "example.com"), ("com", "com"),
    ("a.b.example.co.uk", "example.co.uk"), ("co.uk", "co.uk"), ("www.example.de", "example.de"),
    ("user.github.io", "github.io"), ("x.com.example.io", "example.io"),
  ])
  func `without the public suffix list, the registered domain is guessed`(
    _ name: String, _ domain: String
  ) {
    #expect(RegisteredDomain.key(of: name, by: Self.noList) == domain)
  }

  @Test func `guessing is reported once, with the package to install`() throws {
    #expect(RegisteredDomain.noteOfGuessing(PublicSuffixes.shared) == nil)
    let note = try #require(RegisteredDomain.noteOfGuessing(Self.noList))
    #expect(note.contains("apt-get install it"))
    #expect(RegisteredDomain.noteOfGuessing(Self.noList) == nil)
  }

  @Test(arguments: [
    ("192.0.2.1", "192.0.2.1"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ("2001:db8::1", "2001:db8:0:0::/64"), ("::1", "0:0:0:0::/64"),
    ("2001:db8::", "2001:db8:0:0::/64"),
    ("1:2:3:4:5:6:7::", "1:2:3:4::/64"),
  ])
  func `IPv4 addresses count one by one, IPv6 addresses by their /64 network`(
    _ address: String, _ network: String
  ) {
    #expect(RegisteredDomain.key(of: .ip(address)) == network)
  }
}
