import CertctlBase
import CertctlCore
import CertctlOperations
import FoundationEssentials

/// The lifetimes of certificates as bars: where now is, and where the renewal.
///
/// Each bar is one lifetime, whatever its length, so that what is due stands out. A pure function
/// of the reports, the time and what the terminal can show.
struct Timeline {
  let now: Date
  let style: TerminalStyle

  private static let shortestBar = 10
  private static let longestBar = 40
  private static let shortestNames = 12
  /// More is told by `certctl show`.
  private static let linesOfNote = 3
  private static let gap = "  "

  /// One line for each certificate, lines below it for what needs attention, and a legend.
  ///
  /// - Returns: nil when the terminal is too narrow for a bar, or its width is not known.
  func text(_ reports: [LineageReport]) -> TerminalText? {
    guard let width = style.width, let layout = Layout(reports, self, width: width) else {
      return nil
    }
    let header = layout.line(
      "NAME", "STATE", "LIFETIME", "LEFT", "RENEWS", names: "NAMES"
    ) { $0 }
    return
      ([header] + reports.flatMap { lines($0, layout, width: width) }
      + [TerminalText(raw: glyphs.legend).fitted(to: width, ellipsis: "")])
      .joined(separator: "\n")
  }

  private func lines(_ report: LineageReport, _ layout: Layout, width: Int) -> [TerminalText] {
    let row = layout.line(
      style.safe(report.name), "\(report.state.rawValue)", bar(report, cells: layout.bar),
      left(report), renews(report), names: names(report)
    ) { paint($0, report) }
    let notes = report.notes(now: now).flatMap { note in
      let lines = ([note.message] + note.hintLines).flatMap {
        style.safe($0).wrapped(to: width - 4, limit: Self.linesOfNote, ellipsis: glyphs.ellipsis)
      }
      return lines.enumerated().map { index, line in
        (index == 0 ? "  ! " : "    ") + paint(line, report)
      }
    }
    return [row] + notes
  }

  // MARK: - Cells

  private func left(_ report: LineageReport) -> TerminalText {
    guard let end = report.notAfter else { return "-" }
    let seconds = end.timeIntervalSince(now)
    return seconds > 0 ? "\(Self.span(seconds))" : "\(Self.span(-seconds)) ago"
  }

  /// A length of time in its largest fitting unit: days from two days on, then hours, then minutes.
  static func span(_ seconds: TimeInterval) -> String {
    let units: [(String, TimeInterval)] = [("day", 86400), ("hour", 3600), ("minute", 60)]
    // "1 day" for what may be nearly two would be too rough for what runs out.
    let unit = units.first { seconds >= 2 * $0.1 } ?? ("minute", 60)
    let count = Int(min(seconds / unit.1, 1e9))
    return "\(count) \(unit.0)\(count == 1 ? "" : "s")"
  }

  private func renews(_ report: LineageReport) -> TerminalText {
    guard let instant = report.renewAt else { return "-" }
    return instant <= now ? "now" : "\(instant.day)"
  }

  private func names(_ report: LineageReport) -> TerminalText {
    style.safe(report.names.joined(separator: ", "))
  }

  /// The bar of a lifetime; empty without a certificate.
  private func bar(_ report: LineageReport, cells: Int) -> TerminalText {
    guard let start = report.notBefore, let end = report.notAfter else { return "" }
    let place = { (date: Date) in Self.cell(of: date, from: start, to: end, cells: cells) }
    let current = place(now)
    var bar = (0..<cells).map { $0 < current ? glyphs.past : glyphs.future }
    if let instant = report.renewAt { bar[place(instant)] = glyphs.renewal }
    bar[current] = now >= end ? glyphs.after : now < start ? glyphs.before : glyphs.now
    return TerminalText(raw: bar.joined())
  }

  /// The cell of a bar that an instant falls into; what is outside goes to the nearer end.
  static func cell(of date: Date, from start: Date, to end: Date, cells: Int) -> Int {
    // In this order, so that nothing is divided by a lifetime of nothing.
    guard date < end else { return cells - 1 }
    guard date > start else { return 0 }
    let share = date.timeIntervalSince(start) / end.timeIntervalSince(start)
    return min(cells - 1, Int(share * Double(cells)))
  }

  // MARK: - Looks

  private func paint(_ text: TerminalText, _ report: LineageReport) -> TerminalText {
    guard style.hasColor, let color = report.attention?.color else { return text }
    return "\u{1B}[\(color)m\(text)\u{1B}[0m"
  }

  private var glyphs: Glyphs { style.hasUnicode ? .unicode : .ascii }

  private struct Glyphs {
    let past, future, now, renewal, before, after, ellipsis: String

    static let unicode = Glyphs(
      past: "━", future: "─", now: "●", renewal: "◆", before: "◂", after: "▸", ellipsis: "…")
    static let ascii = Glyphs(
      past: "=", future: "-", now: "O", renewal: "R", before: "<", after: ">", ellipsis: "...")

    var legend: String { "\(now) now  \(renewal) renewal" }
  }

  /// The widths of the columns.
  private struct Layout {
    let name, state, bar, left, renews, names: Int
    let ellipsis: String

    init?(_ reports: [LineageReport], _ timeline: Timeline, width: Int) {
      func widest(_ header: String, _ cell: (LineageReport) -> TerminalText) -> Int {
        reports.reduce(header.displayWidth) { max($0, cell($1).displayWidth) }
      }
      ellipsis = timeline.glyphs.ellipsis
      state = widest("STATE") { "\($0.state.rawValue)" }
      left = widest("LEFT", timeline.left)
      renews = widest("RENEWS", timeline.renews)
      let fixed = state + left + renews + 4 * gap.count
      let nameLimit = max(12, (width - fixed) / 2)
      name = min(nameLimit, widest("NAME") { timeline.style.safe($0.name) })
      let room = width - fixed - name
      guard room >= shortestBar else { return nil }
      bar = min(longestBar, room)
      let rest = room - bar - gap.count
      names = rest >= shortestNames ? min(rest, widest("NAMES", timeline.names)) : 0
    }

    /// One line; `paint` colours the state and the bar.
    func line(
      _ name: TerminalText, _ state: TerminalText, _ bar: TerminalText, _ left: TerminalText,
      _ renews: TerminalText, names: TerminalText, paint: (TerminalText) -> TerminalText
    ) -> TerminalText {
      var cells = [
        name.fitted(to: self.name, ellipsis: ellipsis).padded(to: self.name),
        // Colour goes around the words only: no coloured blanks.
        paint(state) + TerminalText("").padded(to: self.state - state.displayWidth),
        bar.string.isEmpty
          ? bar.padded(to: self.bar)
          : paint(bar) + TerminalText("").padded(to: self.bar - bar.string.count),
        left.padded(to: self.left), renews.padded(to: self.renews),
      ]
      if self.names > 0 { cells.append(names.fitted(to: self.names, ellipsis: ellipsis)) }
      return cells.joined(separator: TerminalText(raw: gap)).withoutTrailingSpaces
    }
  }
}
