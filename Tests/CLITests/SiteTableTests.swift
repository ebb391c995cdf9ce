import CertctlBase
import CertctlServing
import Testing

@testable import CertctlCLI

/// What `certctl site list` and `site show` print.
struct SiteTableTests {
  private func site(
    _ name: String = "plex.example.com", _ state: SiteReport.State = .enabled,
    target: String = "http://127.0.0.1:32400", certificate: String? = nil, until: Double? = 90
  ) -> SiteReport {
    SiteReport(
      name: name, hosts: [name], target: target, url: "https://\(name)/",
      certificate: certificate ?? name, notAfter: until.map(SampleReports.day), state: state,
      file: "/etc/nginx/sites-available/\(name).conf", container: nil)
  }

  private func lines(_ sites: [SiteReport], width: Int?) -> [String] {
    let variables = ["LANG": "C.UTF-8", "TERM": "xterm", "NO_COLOR": "1"]
    let style = TerminalStyle(width: width) { variables[$0] }
    return SiteTable(sites, now: SampleReports.now, style: style).text.string
      .split(separator: "\n").map(String.init)
  }

  @Test func `a site is a row`() {
    let row = [
      "NAME              STATE    UPSTREAM                EXPIRES",
      "plex.example.com  enabled  http://127.0.0.1:32400  2026-08-30 (in 90 days)",
    ]
    #expect(lines([site()], width: 80) == row)
    #expect(lines([site()], width: 200) == row)
    #expect(lines([site()], width: nil) == row)
  }

  @Test func `a certificate of another name has a column, and findings stand below`() {
    let sites = [
      site("a.example", .changed, target: "/srv/www"),
      site("b.example", .disabled, certificate: "all.example", until: nil),
    ]
    #expect(
      lines(sites, width: 100) == [
        "NAME       STATE           UPSTREAM                CERTIFICATE  EXPIRES",
        "a.example  edited by hand  /srv/www                a.example    2026-08-30 (in 90 days)",
        "  ! edited by hand",
        "    hint: back up its file, then use --force to overwrite it",
        "b.example  disabled        http://127.0.0.1:32400  all.example  -",
      ])
  }

  @Test func `a narrow terminal gets cards`() {
    #expect(
      lines([site(), site("b.example", .missing, certificate: "all.example")], width: 40) == [
        "plex.example.com: enabled", "  to          http://127.0.0.1:32400",
        "  expires     2026-08-30 (in 90 days)", "b.example: files missing",
        "  to          http://127.0.0.1:32400", "  certificate all.example",
        "  expires     2026-08-30 (in 90 days)", "  ! its files are missing",
      ])
  }

  @Test(arguments: Array(1...200))
  func `nothing is wider than the terminal`(_ width: Int) {
    let long = String(repeating: "a", count: 52) + ".example"
    let sites = [
      site(), site(long, .uncertified, certificate: "x.example", until: -3),
      site("b.example", .changed, target: "http://one:1,http://two:2,http://three:3"),
    ]
    for line in lines(sites, width: width) {
      #expect(line.displayWidth <= max(20, width), "\(width): \(line)")
    }
  }

  @Test func `a site is shown with its facts`() {
    let text = site(certificate: "all.example").text.string
    #expect(text.hasPrefix("plex.example.com: enabled\n  names        plex.example.com\n"))
    #expect(text.contains("\n  upstream     http://127.0.0.1:32400\n"))
    #expect(text.contains("\n  certificate  all.example\n"))
    #expect(
      text.contains("\n  expired      2026-08-30 (")
        || text.contains("\n  expires      2026-08-30 ("))
    #expect(!text.contains("T12:00:00Z"))
    #expect(site(target: "/srv/www").text.string.contains("\n  root         /srv/www\n"))
  }
}
