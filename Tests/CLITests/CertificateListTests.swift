import CertctlBase
import CertctlCore
import FoundationEssentials
import Testing

@testable import CertctlCLI
@testable import CertctlOperations
@testable import CertctlStore

/// The plain table of `certctl list`, what needs attention, and `certctl show`.
struct CertificateListTests {
  private func table(_ reports: [LineageReport]) -> [String] {
    CertificateList(now: SampleReports.now, style: TerminalStyle()).text(reports).string
      .split(separator: "\n").map(String.init)
  }

  @Test func `a pipe gets a plain table`() {
    #expect(
      table([SampleReports.report { $0.names.append("www.example.com") }]) == [
        "NAME         STATE  EXPIRES                  RENEWS      NAMES",
        "example.com  valid  2026-07-31 (in 60 days)  2026-07-01  www.example.com",
      ])
    // Nothing but its own name is no column.
    #expect(
      table([SampleReports.report()]) == [
        "NAME         STATE  EXPIRES                  RENEWS",
        "example.com  valid  2026-07-31 (in 60 days)  2026-07-01",
      ])
  }

  @Test func `states are told in plain words, and JSON keeps its own`() throws {
    let words = LineageReport.State.allCases.map(\.words)
    #expect(
      words == [
        "valid", "some names missing", "due", "expired", "revoked", "no certificate yet",
        "no certificate yet", "damaged",
      ])
    let json = try JSONEncoder().encode(SampleReports.report("a", .degraded))
    #expect(String(decoding: json, as: UTF8.self).contains("\"state\":\"degraded\""))
  }

  private static let attention: [(@Sendable (inout LineageReport) -> Void, String)] = [
    ({ $0.problem = "it is\nbroken" }, "it is broken"),
    (
      { $0.lastFailure = .init(date: SampleReports.now, message: "no\n  such name") },
      "last attempt failed on 2026-06-01T12:00:00Z: no such name"
    ),
    (
      {
        $0.state = .due
        $0.renewReason = "due (words), held back until later"
      }, "due (words), held back until later"
    ),
    (
      {
        $0.deployment = .failed
        $0.deploymentFailure = "nginx -t"
      }, "deployment failed: nginx -t"
    ),
    ({ $0.deployment = .failed }, "deployment failed"),
    ({ $0.deployment = .notDeployed }, "not deployed yet"),
  ]

  @Test(arguments: 0..<6)
  func `what needs attention is noted`(_ index: Int) {
    let (change, note) = Self.attention[index]
    let report = SampleReports.report(change: change)
    #expect(report.notes(now: SampleReports.now).map(\.message) == [note])
    let lines = table([SampleReports.report("fine.example"), report])
    #expect(lines[0].hasSuffix("RENEWS      NOTE"))
    #expect(lines[1].hasSuffix("2026-07-01"))
    let told = TimeText(now: SampleReports.now).rewritten(note)
    #expect(lines[2].hasSuffix("  \(told)"))
  }

  @Test func `all well has no notes`() {
    let report = SampleReports.report {
      $0.deployment = .deployed
      $0.renewReason = "due on some day: most of its lifetime is over"
    }
    #expect(report.notes(now: SampleReports.now).isEmpty)
    #expect(report.attention == nil)
  }

  @Test func `a timeline has notes below the row, three lines each at most`() {
    let report = SampleReports.report { report in
      report.lastFailure = .init(date: SampleReports.now, message: "short")
      report.deployment = .failed
      report.deploymentFailure = String(repeating: "long words ", count: 40)
    }
    let style = TerminalStyle(width: 80) { ["LANG": "C.UTF-8"][$0] }
    let lines = CertificateList(now: SampleReports.now, style: style).text([report]).string
      .split(separator: "\n")
    #expect(lines.count == 7)
    #expect(
      lines[2]
        == "  ! last attempt failed on 2026-06-01 12:00 UTC (in less than a minute): short")
    #expect(lines[3].hasPrefix("  ! deployment failed: long words"))
    #expect(lines[4].hasPrefix("    ") && !lines[4].hasSuffix("…"))
    #expect(lines[5].hasPrefix("    ") && lines[5].hasSuffix("…"))
  }

  @Test(arguments: [
    ("", 5, [String]()), ("   ", 5, []), ("one", 5, ["one"]), ("one two", 7, ["one two"]),
    ("one two", 6, ["one", "two"]), ("a bb ccc dddd", 4, ["a bb", "ccc…"]),
    ("overlong a", 5, ["over…", "a"]), ("例え ば", 4, ["例え", "ば"]), ("a b", 1, ["a", "b"]),
  ])
  func `text is broken between words`(_ text: String, _ width: Int, _ lines: [String]) {
    #expect(text.wrapped(to: width, limit: 2, ellipsis: "…") == lines)
  }

  // MARK: - Text from elsewhere

  private static let evil = "\u{1B}[2J\u{202E}evil\r\u{9B}31m"

  private var hostile: LineageReport {
    var report = SampleReports.report("a\u{202E}b.example", .due)
    report.names = [Self.evil]
    report.issuer = Self.evil
    report.problem = Self.evil
    report.renewReason = Self.evil
    report.deployment = .failed
    report.deploymentFailure = Self.evil
    report.lastFailure = .init(date: SampleReports.now, message: Self.evil + "\nstate         fine")
    report.suggestion = .init(
      start: SampleReports.now, end: SampleReports.now, instant: SampleReports.now,
      explanationURL: Self.evil)
    report.directoryURL = Self.evil
    return report
  }

  @Test func `text from elsewhere steers no terminal`() {
    let style = TerminalStyle(width: 200) { ["LANG": "C.UTF-8"][$0] }
    let texts = [
      hostile.text.string, table([hostile]).joined(separator: "\n"),
      CertificateList(now: SampleReports.now, style: style).text([hostile]).string,
    ]
    for text in texts {
      let bad = text.unicodeScalars.filter { scalar in
        scalar != "\n" && [.control, .format].contains(scalar.properties.generalCategory)
      }
      #expect(bad.isEmpty, "\(text)")
      #expect(text.contains("\\u{202E}"))
    }
    // Lines of one fact cannot pass for another fact.
    #expect(
      !hostile.text.string.split(separator: "\n").contains { $0.hasPrefix("state         fine") })
  }

  @Test func `show tells all that is known`() {
    var report = SampleReports.report()
    report.obtained = SampleReports.day(-30)
    report.renewReason = "the CA suggests so"
    report.suggestion = .init(
      start: SampleReports.day(29), end: SampleReports.day(31), instant: SampleReports.day(30),
      explanationURL: "https://ca.test/why")
    report.failures = 2
    report.lastFailure = .init(date: SampleReports.day(-1), message: "first\nsecond")
    report.deployment = .failed
    report.deploymentFailure = "nginx -t failed"
    report.directoryURL = "https://ca.test/dir"
    report.generation = 7
    report.generationInUse = 6
    report.generations = [5, 6, 7]
    report.sites = [
      .init(name: "a.example", isEnabled: true), .init(name: "b.example", isEnabled: false),
    ]
    report.usedByNginx = true
    report.nginx = [
      .init(
        pid: 7, executable: "/usr/sbin/nginx", unit: "nginx.service", container: nil,
        addresses: ["0.0.0.0:443", "[::]:443"]),
      .init(pid: 8, executable: "nginx", unit: nil, container: "web", addresses: []),
    ]
    let text = report.text(TimeText(now: SampleReports.now)).string
    for line in [
      "state          valid", "obtained       2026-05-02 (30 days ago)",
      "expires        2026-07-31 (in 60 days)",
      "renews         2026-07-01 (in 30 days)", "because        the CA suggests so",
      "CA suggests    2026-06-30 (in 29 days) to 2026-07-02 (in 31 days)",
      "explanation    https://ca.test/why", "failures       2 attempts in a row",
      "last failure   2026-05-31 12:00 UTC (24 hours ago): first\n               second",
      "deployment     failed: nginx -t failed", "CA URL         https://ca.test/dir",
      "version        7 (servers still use version 6)", "kept versions  5, 6, 7",
      "sites          a.example, b.example (disabled)",
      "nginx          this host (nginx.service): 0.0.0.0:443, [::]:443\n"
        + "               container web",
    ] {
      #expect("\n\(text)\n".contains("\n\(line)\n"), "\(line)\n\(text)")
    }
    #expect(!SampleReports.missing().text.string.contains("renews"))
  }

  @Test func `show says that nginx does not use it only where that is known`() {
    let times = TimeText(now: SampleReports.now)
    var report = SampleReports.report()
    #expect(!report.text(times).string.contains("nginx"))
    report.usedByNginx = false
    report.nginx = []
    let unused = report.text(times).string
    #expect(unused.contains("\nnginx       not used by nginx\n"), "\(unused)")
    let past = SampleReports.report("a.example", .expired, from: -93, until: -3, renewing: -33)
    let text = past.text(times).string
    #expect(text.contains("\nexpired     2026-05-29 (3 days ago)\n"), "\(text)")
    #expect(text.contains("\ndue since   2026-04-29 (33 days ago)\n"), "\(text)")
  }
}
