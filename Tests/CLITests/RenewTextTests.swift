import CertctlBase
import FoundationEssentials
import Testing

@testable import CertctlCLI
@testable import CertctlCore
@testable import CertctlOperations

/// What `certctl renew` says of a run.
struct RenewTextTests {
  private let soon = Date().addingTimeInterval(60.2 * 86400)

  private func text(
    _ results: [RenewalResult], isComplete: Bool = false, brevity: Brevity? = nil
  ) -> [String] {
    let report = RenewReport(
      dryRun: false, started: Date(), seconds: 1, certificates: results, quiet: 0, next: soon,
      nextLineage: "a.example", hooks: [])
    return report.text(isQuiet: false, isComplete: isComplete, brevity: brevity).string
      .split(separator: "\n").map(String.init)
  }

  @Test func `what was renewed has its new end below it, then the next renewal`() {
    var result = RenewalResult(
      lineage: "a.example", outcome: .renewed, reason: "due since 2020-01-01T00:00:00Z")
    result.notAfter = soon
    let lines = text([result])
    #expect(lines.count == 3)
    #expect(lines[0].hasPrefix("a.example: renewed: due since 2020-01-01 ("))
    #expect(lines[1] == "  expires \(soon.day) (in 60 days)")
    #expect(lines[2] == "Next renewal: a.example, \(soon.day) (in 60 days)")
    #expect(text([]).first?.hasPrefix("No certificates yet") == true)
  }

  @Test func `a long failure is cut on a terminal only, and the hint says so`() {
    var result = RenewalResult(lineage: "a.example", outcome: .failed, reason: "no")
    let error = CertctlError(
      .authority, String(repeating: "words of the CA ", count: 40), hint: "try it",
      details: (1...12).map { "n\($0).example: refused" })
    result.error = ErrorDetail(error)
    let whole = text([result])
    #expect(whole.contains { $0.hasPrefix("a.example: failed: words") && $0.count > 600 })
    #expect(whole.filter { $0.hasSuffix("refused") }.count == 12)
    let brief = text([result], brevity: Brevity(ellipsis: "…"))
    #expect(brief[0].count <= "a.example: failed: ".count + 300)
    #expect(brief[11] == "  … and 2 more (--verbose shows all)")
    #expect(brief[12] == "  hint: try it")
    #expect(brief.contains("hint: run with --verbose to see the whole message"))
  }
}
