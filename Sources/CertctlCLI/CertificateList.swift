import CertctlBase
import CertctlCore
import CertctlOperations
import FoundationEssentials

/// A list of certificates: a timeline on a wide terminal, cards on a narrow one, and a table in a
/// file or pipe.
struct CertificateList {
  let now: Date
  let style: TerminalStyle

  /// Returns the list without a trailing line break.
  func text(_ reports: [LineageReport]) -> TerminalText {
    guard let width = style.textWidth else { return table(reports) }
    return Timeline(now: now, style: style).text(reports) ?? cards(reports, width: width)
  }

  private var layout: ListLayout { ListLayout(style: style, times: times) }
  private var times: TimeText { TimeText(now: now) }

  private func cards(_ reports: [LineageReport], width: Int) -> TerminalText {
    reports.flatMap { report in
      let isOver = report.notAfter.map { $0 <= now } ?? false
      let further = report.furtherNames
      return layout.card(
        report.name, report.state.words,
        [
          (isOver ? "expired" : "expires", report.notAfter.map(times.text)),
          ("renews", report.renewAt.map(times.dueText)),
          ("names", further.isEmpty ? nil : further.joined(separator: ", ")),
        ], width: width, report.attention)
        + layout.notes(report.notes(now: now), width: width, report.attention)
    }
    .joined(separator: "\n")
  }

  private func table(_ reports: [LineageReport]) -> TerminalText {
    var columns = [
      column("NAME", reports) { $0.name }, column("STATE", reports) { $0.state.words },
      column("EXPIRES", reports) { $0.notAfter.map(times.text) ?? "-" },
      column("RENEWS", reports) { $0.renewAt?.day ?? "-" },
    ]
    // Omit empty columns.
    if reports.contains(where: { !$0.furtherNames.isEmpty }) {
      columns.append(
        column("NAMES", reports) {
          $0.furtherNames.isEmpty ? "-" : $0.furtherNames.joined(separator: ", ")
        })
    }
    let notes = column("NOTE", reports) {
      $0.notes(now: now).map { times.rewritten($0.message) }.joined(separator: "; ")
    }
    if notes.cells.contains(where: { !$0.string.isEmpty }) { columns.append(notes) }
    let table = TextTable(columns: columns, ellipsis: style.ellipsis)
    return table.lines(columns.map(\.natural)).joined(separator: "\n")
  }

  private func column(
    _ header: String, _ reports: [LineageReport], _ cell: (LineageReport) -> String
  ) -> TextTable.Column {
    TextTable.Column(header: header, cells: reports.map { style.safe(cell($0)) })
  }
}
