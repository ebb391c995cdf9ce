import CertctlBase
import CertctlCore
import CertctlOperations
import FoundationEssentials

/// All certificates for a person: a timeline where a terminal is wide enough, else a table.
struct CertificateList {
  let now: Date
  let style: TerminalStyle

  /// The list, without a line break at its end.
  func text(_ reports: [LineageReport]) -> TerminalText {
    Timeline(now: now, style: style).text(reports) ?? table(reports)
  }

  private func table(_ reports: [LineageReport]) -> TerminalText {
    let header: [TerminalText] = ["NAME", "STATE", "EXPIRES", "RENEWS", "NAMES", "NOTE"]
    var rows = [header] + reports.map(row)
    // A column that is empty when all is well is not there then.
    if rows.dropFirst().allSatisfy({ $0[5].string.isEmpty }) { rows = rows.map { $0.dropLast() } }
    let widths = rows[0].indices.map { column in
      rows.reduce(0) { max($0, $1[column].displayWidth) }
    }
    return rows.map { row in
      zip(row, widths).map { $0.padded(to: $1) }.joined(separator: "  ").withoutTrailingSpaces
    }
    .joined(separator: "\n")
  }

  private func row(_ report: LineageReport) -> [TerminalText] {
    [
      style.safe(report.name), "\(report.state.rawValue)",
      "\(report.notAfter.map(withDaysLeft) ?? "-")", "\(report.renewAt?.day ?? "-")",
      report.names.isEmpty ? "-" : style.safe(report.names.joined(separator: ", ")),
      style.safe(report.notes(now: now).map(\.message).joined(separator: "; ")),
    ]
  }

  private func withDaysLeft(_ date: Date) -> String {
    let days = Int((date.timeIntervalSince(now) / 86400).rounded(.down))
    return "\(date.day) (\(days == 1 ? "1 day" : "\(days) days"))"
  }
}
