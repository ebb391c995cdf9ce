import CertctlCore
import FoundationEssentials
import Testing

@testable import CertctlCLI

/// What a person at a terminal gets of talk: short, broken between words, with times to read.
struct TalkTests {
  private func style(_ width: Int?, _ locale: String = "C.UTF-8") -> TerminalStyle {
    TerminalStyle(width: width) { ["LANG": locale][$0] }
  }

  private func lines(
    _ error: CertctlError, width: Int? = nil, isBrief: Bool = true, locale: String = "C.UTF-8"
  ) -> [String] {
    Talk(error).text(on: style(width, locale), isBrief: isBrief)
      .split(separator: "\n").map(String.init)
  }

  @Test func `a long message is cut at a word, and the hint says where the rest is`() throws {
    let message = String(repeating: "words of nginx ", count: 40)
    let lines = lines(CertctlError(.state, message))
    #expect(lines.count == 2)
    #expect(lines[0].count <= "certctl: ".count + 300)
    #expect(
      lines[0].hasSuffix(" nginx …") || lines[0].hasSuffix(" of …") || lines[0].hasSuffix("words …")
    )
    #expect(lines[1] == "certctl: hint: run with --verbose to see the whole message")
    let both = self.lines(CertctlError(.state, message, hint: "try it"), locale: "C")
    #expect(both[0].hasSuffix(" ...") && both[0].count <= "certctl: ".count + 300)
    #expect(
      both.dropFirst() == [
        "certctl: hint: try it",
        "certctl: hint: run with --verbose to see the whole message",
      ])
    let whole = self.lines(CertctlError(.state, message), isBrief: false)
    #expect(whole == ["certctl: \(message)"])
  }

  @Test func `300 characters are not too many, and a word without end is cut`() {
    let just = String(repeating: "x", count: 300)
    #expect(lines(CertctlError(.state, just)) == ["certctl: \(just)"])
    let more = lines(CertctlError(.state, just + "x"))
    #expect(more.count == 2 && more[0].count == "certctl: ".count + 300)
    // Escaped characters count as they are shown.
    let evil = lines(CertctlError(.state, String(repeating: "\u{1B}", count: 100)))
    #expect(evil[0].count <= "certctl: ".count + 300)
  }

  @Test func `ten details are shown, and how many more there are`() {
    let names = (1...13).map { "n\($0).example: refused" }
    let error = CertctlError(.authority, "no", details: names)
    let lines = lines(error)
    #expect(lines.count == 13)
    #expect(lines[10] == "  n10.example: refused")
    #expect(lines[11] == "  … and 3 more (--verbose shows all)")
    #expect(lines[12].hasPrefix("certctl: hint: run with --verbose"))
    #expect(self.lines(error, isBrief: false).count == 14)
    let long = CertctlError(
      .authority, "no", details: [String(repeating: "long ", count: 100)])
    #expect(self.lines(long)[1].count <= 300)
  }

  @Test func `the journal and files get all of it`() {
    let message = String(repeating: "word ", count: 100) + "2026-06-01T12:00:00Z"
    let error = CertctlError(.state, message, details: (1...20).map { "\($0)" })
    #expect(Talk(error).plain.split(separator: "\n").count == 21)
    #expect(Talk(error).plain.contains(message))
    #expect(Talk(error).journal(.error).contains(message))
  }

  @Test(arguments: [20, 40, 80])
  func `lines are broken between words`(_ width: Int) {
    let url = "https://ca.test/" + String(repeating: "x", count: 100)
    let error = CertctlError(
      .state, "cannot get a certificate for www.example.com from the CA: see \(url) for the reason",
      hint: "try again later, or with another CA", details: ["a.example: it was refused by the CA"])
    let lines = lines(error, width: width)
    for line in lines {
      #expect(line.count <= width || line.contains(url), "\(line)")
    }
    let words = { (text: String) in text.split { $0 == " " || $0 == "\n" }.map(String.init) }
    #expect(words(lines.joined(separator: "\n")) == words(Talk(error).plain))
    // What a person has to copy stays as it is.
    let record = Talk(["Add: " + String(repeating: "y ", count: 100)])
    #expect(record.text(on: style(width), isBrief: true) == record.plain)
  }

  // MARK: - Times

  private let now = SampleReports.now

  @Test(arguments: [
    (90.0, "2026-08-30 (in 90 days)"), (89.6, "2026-08-30 (in 90 days)"),
    (2.0, "2026-06-03 (in 2 days)"), (1.9, "2026-06-03 09:36 UTC (in 46 hours)"),
    (1.0 / 24, "2026-06-01 13:00 UTC (in 60 minutes)"),
    (0.0, "2026-06-01 12:00 UTC (in less than a minute)"),
    (-0.0001, "2026-06-01 11:59 UTC (just now)"),
    (-0.25, "2026-06-01 06:00 UTC (6 hours ago)"), (-30.0, "2026-05-02 (30 days ago)"),
  ])
  func `times are told with their distance`(_ days: Double, _ text: String) {
    #expect(TimeText(now: now).text(SampleReports.day(days)) == text)
  }

  @Test(arguments: [
    ("due on 2026-08-30T12:00:00Z: so", "due on 2026-08-30 (in 90 days): so"),
    ("2026-08-30T12:00:00Z", "2026-08-30 (in 90 days)"),
    ("(2026-08-30T12:00:00Z)", "(2026-08-30 (in 90 days))"),
    (
      "a 2026-08-30T12:00:00Z to 2026-08-31T12:00:00Z",
      "a 2026-08-30 (in 90 days) to 2026-08-31 (in 91 days)"
    ),
    // What a stranger means by it is another thing.
    ("/a/2026-08-30T12:00:00Z", "/a/2026-08-30T12:00:00Z"),
    ("2026-08-30T12:00:00Zulu", "2026-08-30T12:00:00Zulu"),
    ("2026-99-30T12:00:00Z", "2026-99-30T12:00:00Z"),
    ("2026-08-30T12:00:0Z", "2026-08-30T12:00:0Z"),
    ("größer 2026-08-30T12:00:00Z", "größer 2026-08-30 (in 90 days)"), ("", ""), ("Z", "Z"),
  ])
  func `times within texts are rewritten`(_ text: String, _ rewritten: String) {
    #expect(TimeText(now: now).rewritten(text) == rewritten)
  }

  @Test func `a terminal gets times to read in errors`() {
    let error = CertctlError(.state, "wait until 2099-01-01T00:00:00Z")
    let text = Talk(error).text(on: style(nil), isBrief: true, times: TimeText(now: now))
    #expect(text.hasPrefix("certctl: wait until 2099-01-01 (in 265"))
    #expect(Talk(error).plain == "certctl: wait until 2099-01-01T00:00:00Z\n")
  }

  // MARK: - Breaking lines

  @Test(arguments: [
    ("name  value", 20, ["name  value"]),
    ("name    two words here", 16, ["name    two", "        words", "        here"]),
    ("name    /a/long/path/to/it", 16, ["name", "  /a/long/path/to/it"]),
    ("name    elevenchars", 14, ["name", "  elevenchars"]),
    ("name    without/slash no", 12, ["name", "  without/slash", "  no"]),
    ("a longer label:  words", 14, ["a longer", "  label: words"]),
    ("abcdefghijkl", 5, ["abc", "  def", "  ghi", "  jkl"]),
    ("  indented words", 12, ["  indented", "    words"]), ("", 5, [""]),
    (
      "\u{1B}[31mred words that are long\u{1B}[0m", 8,
      ["\u{1B}[31mred words that are long\u{1B}[0m"]
    ),
  ])
  func `a line is broken below its value`(_ line: String, _ width: Int, _ lines: [String]) {
    #expect(line.flowed(to: width) == lines)
  }
}
