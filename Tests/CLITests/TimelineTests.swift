import CertctlBase
import FoundationEssentials
import Testing

@testable import CertctlCLI
@testable import CertctlOperations
@testable import CertctlStore

/// The timeline of `certctl list`, as a function of reports, time and width.
struct TimelineTests {
  private static let variables = ["LANG": "C.UTF-8", "TERM": "xterm", "NO_COLOR": "1"]

  private func lines(
    _ reports: [LineageReport], width: Int? = 80, _ change: [String: String] = [:]
  ) -> [String] {
    let variables = Self.variables.merging(change) { $1 }.filter { !$0.value.isEmpty }
    let style = TerminalStyle(width: width) { variables[$0] }
    return CertificateList(now: SampleReports.now, style: style).text(reports).string
      .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  @Test func `a bar shows the lifetime, where now is, and the renewal`() {
    let lines = lines([SampleReports.report()])
    #expect(
      lines == [
        "NAME         STATE  LIFETIME                 EXPIRES                  RENEWS",
        "example.com  valid  ━━━━━━━●───────◆───────  2026-07-31 (in 60 days)  2026-07-01",
        "● now  ◆ renewal",
      ], "\(lines.joined(separator: "\n"))")
  }

  @Test func `without UTF-8 all is ASCII, names too`() {
    let report = SampleReports.report("bücher.example")
    for change in [["LANG": "C"], ["LC_ALL": "C"], ["LC_CTYPE": "POSIX"], ["LANG": "de_DE@euro"]] {
      let lines = lines([report], change)
      #expect(lines.joined().unicodeScalars.allSatisfy { $0.isASCII })
      #expect(lines[1].contains("b\\u{FC}cher.example"))
      #expect(lines[1].contains("=O--"))
      #expect(lines.last == "O now  R renewal")
    }
    for locale in ["de_DE.utf8", "en_US.UTF-8", "ca_ES.UTF-8@valencia"] {
      #expect(lines([report], ["LANG": locale])[1].contains("bücher.example"))
    }
  }

  // MARK: - Odd lifetimes

  private func bar(_ report: LineageReport) -> String {
    let row = lines([report], ["LANG": "C"])[1]
    return row.split(separator: " ").first { $0.count >= 10 && $0 != report.name }
      .map(String.init) ?? ""
  }

  @Test func `a certificate of tomorrow has now before its bar`() {
    let report = SampleReports.report(from: 1, until: 91, renewing: 61)
    let bar = bar(report)
    #expect(bar.hasPrefix("<---"))
    #expect(bar.contains("-R-"))
    #expect(!bar.contains("=") && !bar.contains("O"))
  }

  @Test func `an expired one has now behind its bar`() {
    let report = SampleReports.report("a.example", .expired, from: -93, until: -3, renewing: -33)
    let row = lines([report], ["LANG": "C"])[1]
    #expect(bar(report).hasSuffix("=>"))
    #expect(bar(report).contains("=R="))
    #expect(row.contains("2026-05-29 (3 days ago)"))
    #expect(row.hasSuffix("now"))
  }

  @Test(arguments: [0.0, -1, 1])
  func `a lifetime of nothing is a bar all the same`(_ days: Double) {
    let report = SampleReports.report(from: days, until: days, renewing: days)
    let bar = bar(report)
    #expect(days > 0 ? bar.hasPrefix("<") : bar.hasSuffix(">"), "\(bar)")
    // One that ends before it begins.
    #expect(self.bar(SampleReports.report(from: 1, until: -1)).count >= 10)
  }

  @Test func `a renewal outside the lifetime is shown at its end`() {
    #expect(bar(SampleReports.report(renewing: 4000)).hasSuffix("-R"))
    #expect(bar(SampleReports.report(renewing: -4000)).hasPrefix("R="))
    #expect(!bar(SampleReports.report(renewing: nil)).contains("R"))
    #expect(lines([SampleReports.report(renewing: nil)])[1].hasSuffix("(in 60 days)  -"))
  }

  @Test func `now hides a renewal at the same place, and the column says so`() {
    let report = SampleReports.report("a.example", .due, renewing: 0)
    #expect(bar(report).contains("=O-"))
    #expect(!bar(report).contains("R"))
    #expect(lines([report])[1].hasSuffix("now"))
  }

  @Test func `without a certificate there is no bar`() {
    let lines = lines([SampleReports.missing(), SampleReports.report()])
    #expect(lines[1].hasPrefix("new.example  no certificate yet  "))
    #expect(lines[1].hasSuffix("  -        -"))
    #expect(!lines[1].contains("━") && !lines[1].contains("─"))
  }

  @Test func `dates of thousands of years do not overflow`() {
    let report = SampleReports.report(from: -1e9, until: 1e12, renewing: 1e12)
    #expect(lines([report]).count == 3)
    #expect(lines([report], width: nil).count == 2)
  }

  @Test(arguments: [
    (0.0, "0 minutes"), (60, "1 minute"), (7160, "119 minutes"), (7200, "2 hours"),
    (170_000, "47 hours"), (172_800, "2 days"), (86400 * 398.9, "399 days"),
  ])
  func `what is left is told in a fitting unit`(_ seconds: Double, _ text: String) {
    #expect(TimeText.span(seconds) == text)
  }

  // MARK: - Width

  private var crowd: [LineageReport] {
    [
      SampleReports.report(), SampleReports.missing(),
      SampleReports.report(String(repeating: "very-long-", count: 18) + "name.example"),
      SampleReports.report("例え.テスト") { $0.names = ["例え.テスト", "👩‍👩‍👧.example", "e\u{301}.example"] },
      SampleReports.report("bad.example", .due) { report in
        report.lastFailure = .init(
          date: SampleReports.now, message: String(repeating: "例 words of the CA ", count: 40))
      },
    ]
  }

  @Test(arguments: Array(1...200))
  func `nothing is wider than the terminal, once it is wide enough`(_ width: Int) {
    for locale in ["C", "C.UTF-8"] {
      let lines = lines(crowd, width: width, ["LANG": locale])
      let isTimeline = lines[0].contains("LIFETIME")
      #expect(isTimeline == (width >= 65), "\(width)")
      #expect(isTimeline == lines.last?.hasSuffix("renewal"))
      for line in lines {
        #expect(line.displayWidth <= max(20, width), "\(width): \(line)")
        #expect(!line.hasSuffix(" "))
      }
    }
  }

  @Test func `a narrow terminal gets a card of each certificate`() {
    let long = String(repeating: "a", count: 52) + ".example"
    let reports = [
      SampleReports.report { $0.names = ["example.com", "www.example.com"] },
      SampleReports.report(long, .expired, from: -93, until: -3, renewing: -33),
      SampleReports.missing(),
    ]
    #expect(
      lines(reports, width: 40) == [
        "example.com: valid", "  expires 2026-07-31 (in 60 days)",
        "  renews  2026-07-01 (in 30 days)", "  names   www.example.com",
        String(repeating: "a", count: 40), "aaaaaaaaaaaa.example", "  expired",
        "  expired 2026-05-29 (3 days ago)", "  renews  now",
        "new.example: no certificate yet",
      ])
  }

  @Test func `the dates have their distances where there is room`() {
    let report = SampleReports.report()
    for (width, header, row) in [
      (60, "LEFT     RENEWS", "60 days  2026-07-01"),
      (80, "EXPIRES                  RENEWS", "2026-07-31 (in 60 days)  2026-07-01"),
      (
        100, "EXPIRES                  RENEWS",
        "2026-07-31 (in 60 days)  2026-07-01 (in 30 days)"
      ),
    ] {
      let lines = lines([report], width: width)
      #expect(lines[0].hasSuffix(header), "\(lines[0])")
      #expect(lines[1].hasSuffix(row), "\(lines[1])")
    }
  }

  @Test func `names that do not fit are cut, and say so`() throws {
    let long = try #require(lines(crowd)[3].split(separator: " ").first)
    #expect(long.hasSuffix("…"))
    let ascii = lines(crowd, ["LANG": "C"])[3]
    #expect(ascii.split(separator: " ").first?.hasSuffix("...") == true)
  }

  @Test func `columns stay in line behind wide and combining characters`() throws {
    let names = ["plain.example", "例え.テスト", "e\u{301}te\u{301}.example", "👩‍👩‍👧.example"]
    let lines = lines(names.map { SampleReports.report($0) })
    let starts = lines[1...4].map { line in
      // The state stands before the first bar, and no name has a "v".
      line.firstIndex(of: "v").map { String(line[..<$0]).displayWidth }
    }
    #expect(Set(starts).count == 1, "\(lines.joined(separator: "\n"))")
  }

  @Test(arguments: [
    ("", 0), ("abc", 3), ("ü", 1), ("u\u{308}", 1), ("例え", 4), ("한국", 4), ("ｱ", 1), ("Ａ", 2),
    ("👍", 2), ("👍🏽", 2), ("👩‍👩‍👧", 2), ("🇩🇪", 2), ("\u{1112}\u{1161}\u{11AB}", 2), ("…●━", 3),
  ])
  func `columns are counted as terminals count them`(_ text: String, _ width: Int) {
    #expect(text.displayWidth == width)
  }

  @Test(arguments: [
    (5, "例え…"), (4, "例…"), (3, "例…"), (2, "…"), (1, "…"), (0, ""), (6, "例えば"),
  ])
  func `text is cut between characters`(_ width: Int, _ text: String) {
    #expect("例えば".fitted(to: width, ellipsis: "…") == text)
    #expect("例えば".fitted(to: width, ellipsis: "…").displayWidth <= width)
  }

  @Test func `a wide terminal shows the names too`() {
    let report = SampleReports.report { $0.names = ["example.com", "www.example.com"] }
    let lines = lines([report], width: 120)
    #expect(lines[0].hasSuffix("NAMES"))
    #expect(lines[1].hasSuffix("  www.example.com"))
    // Its own name is there already.
    #expect(!self.lines([SampleReports.report()], width: 200)[0].contains("NAMES"))
  }

  // MARK: - Colour

  @Test func `red is broken, yellow wants something, and all else has no colour`() {
    let colored = ["NO_COLOR": ""]
    func row(_ report: LineageReport) -> String { lines([report], colored)[1] }
    for state in [LineageReport.State.expired, .revoked, .damaged] {
      #expect(row(SampleReports.report("a", state)).contains("\u{1B}[31m\(state.words)\u{1B}[0m"))
    }
    for state in [LineageReport.State.due, .missing] {
      #expect(row(SampleReports.report("a", state)).contains("\u{1B}[33m\(state.words)\u{1B}[0m"))
    }
    #expect(!row(SampleReports.report()).contains("\u{1B}"))
    #expect(row(SampleReports.report { $0.failures = 1 }).contains("\u{1B}[33mvalid"))
    #expect(row(SampleReports.report { $0.deployment = .failed }).contains("\u{1B}[33mvalid"))
    #expect(!row(SampleReports.report { $0.deployment = .deployed }).contains("\u{1B}"))
  }

  @Test func `colours end before the next column, and take no place`() {
    let colored = lines(crowd, ["NO_COLOR": ""])
    let plain = lines(crowd)
    let stripped = colored.map { line in
      ["31", "33", "0"].reduce(line) {
        $0.split(separator: "\u{1B}[\($1)m", omittingEmptySubsequences: false).joined()
      }
    }
    #expect(stripped == plain)
    #expect(colored != plain)
  }

  @Test(arguments: [
    ["NO_COLOR": "1"], ["NO_COLOR": "", "TERM": "dumb"], ["NO_COLOR": "", "TERM": ""],
  ])
  func `no colour where none is wanted or known`(_ variables: [String: String]) {
    #expect(!lines(crowd, variables).joined().contains("\u{1B}"))
  }

  @Test func `no colour without a terminal`() {
    #expect(!lines(crowd, width: nil, ["NO_COLOR": ""]).joined().contains("\u{1B}"))
  }
}
