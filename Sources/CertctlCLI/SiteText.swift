import CertctlBase
import CertctlCore
import CertctlServing
import FoundationEssentials

struct ComposeResult: Encodable {
  let version = 1
  let compose: String
}

struct SiteResult: Encodable {
  let version = 1
  let site: SiteReport

  init(_ site: SiteReport) { self.site = site }
}

struct SiteListResult: Encodable {
  let version = 1
  let sites: [SiteReport]
}

struct SiteRemoved: Encodable {
  let version = 1
  let removed: String
}

extension SiteReport {
  /// The site as text.
  var text: TerminalText {
    let isOver = notAfter.map { $0 <= Date() } ?? false
    let facts = Facts([
      ("names", hosts.joined(separator: ", ")), (targetLabel, target), ("URL", url),
      ("certificate", certificate), (isOver ? "expired" : "expires", notAfter?.forPeople ?? "-"),
      ("file", file), ("container", container),
    ])
    return "\(headline)\n\(facts.text(indent: 2))"
  }

  /// The label of the target: `root` for a directory, else `upstream`.
  private var targetLabel: String { target.hasPrefix("/") ? "root" : "upstream" }

  /// The name and state of the site, or its findings with their hints.
  private var headline: TerminalText {
    findings.isEmpty
      ? "\(name): \(state.words)"
      : findings.map { $0.text(indent: 0, label: name) }.joined(separator: "\n")
  }

  /// The report without the contents of the site's file, which are long.
  var withoutContent: SiteReport {
    var report = self
    report.content = nil
    return report
  }

  /// The urgency of the findings; nil if there are none.
  fileprivate var attention: Attention? {
    findings.isEmpty ? nil : findings.contains { $0.level == .error } ? .broken : .wanting
  }
}

extension SiteReport.State {
  /// The state in words; JSON has the raw value.
  fileprivate var words: String {
    switch self {
    case .enabled: "enabled"
    case .disabled: "disabled"
    case .changed: "edited by hand"
    case .missing: "files missing"
    case .uncertified: "no certificate"
    }
  }
}

/// A list of sites: a table, or cards on a narrow terminal.
struct SiteTable {
  let sites: [SiteReport]
  let layout: ListLayout

  /// Creates a list for a terminal, or for a file, which has no width.
  init(_ sites: [SiteReport], now: Date = Date(), style: TerminalStyle) {
    self.sites = sites
    layout = ListLayout(style: style, times: TimeText(now: now))
  }

  /// The list without a trailing line break.
  var text: TerminalText {
    let width = layout.style.textWidth
    // If the table is too wide, drop the dates first, then cut names and upstreams.
    for (isDated, cuts) in [(true, false), (false, false), (false, true)] {
      let table = TextTable(columns: columns(isDated: isDated), ellipsis: layout.style.ellipsis)
      guard let widths = table.widths(in: width, cuts: cuts) else { continue }
      var lines = table.lines(widths) { cell, row, column in
        column == 1 ? layout.paint(cell, sites[row].attention) : cell
      }
      for index in sites.indices.reversed() {
        lines.insert(contentsOf: notes(sites[index]), at: index + 2)
      }
      return lines.joined(separator: "\n")
    }
    return cards(width: width ?? 80)
  }

  private func columns(isDated: Bool) -> [TextTable.Column] {
    var columns = [
      column("NAME", shortest: 20) { $0.name }, column("STATE") { $0.state.words },
      column("UPSTREAM", shortest: 16) { $0.target },
    ]
    if sites.contains(where: { $0.certificate != $0.name }) {
      columns.append(column("CERTIFICATE", shortest: 12) { $0.certificate })
    }
    columns.append(
      column("EXPIRES") { site in
        site.notAfter.map(isDated ? layout.times.text : layout.times.distance) ?? "-"
      })
    return columns
  }

  private func column(
    _ header: String, shortest: Int? = nil, _ cell: (SiteReport) -> String
  ) -> TextTable.Column {
    TextTable.Column(
      header: header, cells: sites.map { layout.style.safe(cell($0)) }, shortest: shortest)
  }

  private func notes(_ site: SiteReport) -> [TerminalText] {
    layout.notes(site.findings, width: layout.style.textWidth, site.attention)
  }

  private func cards(width: Int) -> TerminalText {
    sites.flatMap { site in
      layout.card(
        site.name, site.state.words,
        [
          ("to", site.target),
          ("certificate", site.certificate == site.name ? nil : site.certificate),
          ("expires", site.notAfter.map(layout.times.text)),
        ], width: width, site.attention) + notes(site)
    }
    .joined(separator: "\n")
  }
}
