import FoundationEssentials
import TestSupport
import Testing

@testable import ACME

@Suite struct TextTests {
  private let now = Date(timeIntervalSince1970: 1_780_000_000)

  @Test(arguments: [
    ("0", 0.0), ("120", 120), (" 7 ", 7), ("00010", 10),
    ("99999999999999999999999999", RetryAfter.longest), ("Thu, 28 May 2026 20:27:40 GMT", 60),
    ("Thursday, 28-May-26 20:27:40 GMT", 60), ("Thu May 28 20:27:40 2026", 60),
    ("Fri May  1 20:27:40 2026", 0), ("Sun, 06 Nov 1994 08:49:37 GMT", 0),
    ("Fri, 31 Dec 9999 23:59:59 GMT", RetryAfter.longest),
  ])
  func `Retry-After is parsed in all its forms`(text: String, seconds: Double) {
    #expect(RetryAfter.instant(text, now: now) == now.addingTimeInterval(seconds))
  }

  @Test(arguments: [
    "", " ", "-1", "+5", "1.5", "1e3", "0x10", "１２", "5 seconds", "soon", "Thu, 28 May 2026",
    "Thu, 31 Feb 2026 20:27:40 GMT", "Thu, 28 May 2026 25:27:40 GMT",
    "Thu, 28 Mai 2026 20:27:40 GMT",
    "Thu, 28 May 2026 20:27:40 CET", "Thu, 28 May 2026 20:27:40 GMT; x",
    "Thu, 28 May 99999 20:27:40 GMT", "Thu,28 May 2026 20:27:40 GMT", "2026-05-28T20:27:40Z",
    "\u{0}",
  ])
  func `a malformed Retry-After is ignored`(text: String) {
    #expect(RetryAfter.instant(text, now: now) == nil)
  }

  @Test(arguments: [
    ("1970-01-01T00:00:00Z", 0.0), ("2026-05-28T20:26:40Z", 1_780_000_000),
    ("2026-05-28t22:26:40.5+02:00", 1_780_000_000.5), ("2024-02-29T00:00:00Z", 1_709_164_800),
    ("1969-12-31T23:59:59Z", -1), ("2026-05-28 20:26:40Z", 1_780_000_000),
  ])
  func `RFC 3339 times are parsed`(text: String, seconds: Double) {
    #expect(Timestamp.rfc3339(text) == Date(timeIntervalSince1970: seconds))
  }

  @Test(arguments: [
    "", "2026-05-28", "2026-05-28T20:26:40", "2025-02-29T00:00:00Z", "2026-13-01T00:00:00Z",
    "2026-05-28T24:00:00Z", "2026-05-28T20:26:40.Z", "2026-05-28T20:26:40+1:00",
    "26-05-28T20:26:40Z",
    "2026-05-28T20:26:40Z ", "2026-05-28T20:26:40.1111111111111111111111111Z",
  ])
  func `a malformed RFC 3339 time is rejected`(text: String) {
    #expect(Timestamp.rfc3339(text) == nil)
  }

  @Test func `times are formatted as Foundation does`() {
    for seconds in stride(from: -3_000_000_000.0, to: 9_000_000_000, by: 86_413_777) {
      let date = Date(timeIntervalSince1970: seconds)
      #expect(Timestamp.rfc3339(date) == date.ISO8601Format())
      #expect(Timestamp.rfc3339(date.ISO8601Format()) == date)
    }
  }

  @Test(
    arguments: [
      ([#"<https://a.test/1>;rel="alternate""#], ["https://a.test/1"]),
      (["<x>; rel=alternate, <y>; rel=\"index\", <z>; rel=\"up alternate\""], ["x", "z"]),
      ([#"<a>; title="a, b; rel=index"; REL="Alternate""#], ["a"]),
      (["<a>;rel=alternate", "<b>; rel = \"alternate\""], ["a", "b"]),
      ([#"<a>;title="\"quoted\"";rel=alternate"#], ["a"]),
      (["<a>"], []), (["rel=alternate"], []), (["<a;rel=alternate"], []), ([""], []),
      (["<a>;rel=\"alternate"], ["a"]), (["<>;rel=alternate"], [""]),
      (["<a>;rel=up;rel=alternate"], []),
    ] as [([String], [String])])
  func `Link headers are parsed`(headers: [String], targets: [String]) {
    #expect(LinkHeader.targets(relation: "alternate", in: headers) == targets)
  }

  @Test func `long Link headers are truncated`() {
    let header = String(repeating: "<a>;rel=alternate,", count: 5000)
    #expect(LinkHeader.targets(relation: "alternate", in: [header]).count == LinkHeader.limit)
  }

  @Test(arguments: [
    ("<html><body><h1>502 Bad\n Gateway</h1></body></html>", "502 Bad Gateway"), ("", ""),
    ("plain   words", "plain words"), ("<<<>>>", ">>"), ("a<b", "a"),
  ])
  func `the text of a page is extracted`(page: String, words: String) {
    #expect(ErrorAnswer.firstWords([UInt8](page.utf8)) == words)
  }

  @Test func `the text of a long page is truncated`() {
    let words = ErrorAnswer.firstWords([UInt8](repeating: UInt8(ascii: "x"), count: 100_000))
    #expect(words.count == 161)
  }
}
