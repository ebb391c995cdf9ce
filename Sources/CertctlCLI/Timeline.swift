import CertctlBase
import CertctlCore
import CertctlOperations
import FoundationEssentials

/// A list of certificates with lifetime bars that mark the current time and the renewal.
///
/// All bars have the same length, whatever the lifetime, so that due certificates stand out. The
/// result depends only on the reports, the time and the style.
struct Timeline {
  let now: Date
  let style: TerminalStyle

  private static let shortestNames = 12
  private static let gap = "  "

  /// Returns a line for each certificate, with notes below it, and a legend.
  ///
  /// - Returns: The lines; nil if the terminal is too narrow for a bar or its width is unknown.
  func text(_ reports: [LineageReport]) -> TerminalText? {
    guard let width = style.width, let layout = layout(reports, width: width) else { return nil }
    let header = layout.line(
      "NAME", "STATE", "LIFETIME", layout.form == .short ? "LEFT" : "EXPIRES", "RENEWS",
      names: "NAMES"
    ) { $0 }
    return
      ([header] + reports.flatMap { lines($0, layout, width: width) }
      + [TerminalText(raw: glyphs.legend).fitted(to: width, ellipsis: "")])
      .joined(separator: "\n")
  }

  private func lines(_ report: LineageReport, _ layout: Layout, width: Int) -> [TerminalText] {
    let row = layout.line(
      style.safe(report.name), TerminalText(raw: report.state.words),
      bar(report, cells: layout.bar), expires(report, layout.form), renews(report, layout.form),
      names: names(report)
    ) { common.paint($0, report.attention) }
    return [row] + common.notes(report.notes(now: now), width: width, report.attention)
  }

  private var common: ListLayout { ListLayout(style: style, times: times) }
  private var times: TimeText { TimeText(now: now) }

  // MARK: - Cells

  private func expires(_ report: LineageReport, _ form: Form) -> TerminalText {
    guard let end = report.notAfter else { return "-" }
    guard form == .short else { return "\(times.text(end))" }
    let seconds = end.timeIntervalSince(now)
    return seconds > 0 ? "\(TimeText.span(seconds))" : "\(TimeText.span(-seconds)) ago"
  }

  private func renews(_ report: LineageReport, _ form: Form) -> TerminalText {
    guard let instant = report.renewAt else { return "-" }
    if form == .full { return "\(times.dueText(instant))" }
    return instant <= now ? "now" : "\(instant.day)"
  }

  private func names(_ report: LineageReport) -> TerminalText {
    style.safe(report.furtherNames.joined(separator: ", "))
  }

  /// Returns the bar of a lifetime; empty without a certificate.
  private func bar(_ report: LineageReport, cells: Int) -> TerminalText {
    guard let start = report.notBefore, let end = report.notAfter else { return "" }
    let place = { (date: Date) in Self.cell(of: date, from: start, to: end, cells: cells) }
    let current = place(now)
    var bar = (0..<cells).map { $0 < current ? glyphs.past : glyphs.future }
    if let instant = report.renewAt { bar[place(instant)] = glyphs.renewal }
    bar[current] = now >= end ? glyphs.after : now < start ? glyphs.before : glyphs.now
    return TerminalText(raw: bar.joined())
  }

  /// Returns the cell of a bar for a time; a time outside the lifetime gets the cell at that end.
  static func cell(of date: Date, from start: Date, to end: Date, cells: Int) -> Int {
    // The guards also prevent a division by zero for an empty lifetime.
    guard date < end else { return cells - 1 }
    guard date > start else { return 0 }
    let share = date.timeIntervalSince(start) / end.timeIntervalSince(start)
    return min(cells - 1, Int(share * Double(cells)))
  }

  // MARK: - Looks

  private var glyphs: Glyphs { style.hasUnicode ? .unicode : .ascii }

  private struct Glyphs {
    let past, future, now, renewal, before, after, ellipsis: String

    static let unicode = Glyphs(
      past: "━", future: "─", now: "●", renewal: "◆", before: "◂", after: "▸", ellipsis: "…")
    static let ascii = Glyphs(
      past: "=", future: "-", now: "O", renewal: "R", before: "<", after: ">", ellipsis: "...")

    var legend: String { "\(now) now  \(renewal) renewal" }
  }

  // MARK: - Layout

  /// The detail of the dates, from the widest form to the narrowest.
  private enum Form: CaseIterable {
    /// Both dates with their distance, and the further names.
    case full
    /// The expiry with its distance.
    case dated
    /// The time left.
    case short

    /// The minimum length of a bar in cells.
    var shortestBar: Int {
      switch self {
      case .full: 20
      case .dated: 16
      case .short: 10
      }
    }
  }

  private static let longestBar = 40

  /// Returns the most detailed layout that fits; nil if none fits.
  private func layout(_ reports: [LineageReport], width: Int) -> Layout? {
    Form.allCases.lazy.compactMap { layout(reports, $0, width: width) }.first
  }

  private func layout(_ reports: [LineageReport], _ form: Form, width: Int) -> Layout? {
    func widest(_ header: String, _ cell: (LineageReport) -> TerminalText) -> Int {
      reports.reduce(header.displayWidth) { max($0, cell($1).displayWidth) }
    }
    let state = widest("STATE") { TerminalText(raw: $0.state.words) }
    let expires = widest(form == .short ? "LEFT" : "EXPIRES") { self.expires($0, form) }
    let renews = widest("RENEWS") { self.renews($0, form) }
    let hasNames = reports.contains { !$0.furtherNames.isEmpty }
    let further = hasNames ? widest("NAMES", names) : 0
    let fixed = state + expires + renews + 4 * Self.gap.count
    var name = widest("NAME") { style.safe($0.name) }
    if form == .short { name = min(name, max(12, (width - fixed) / 2)) }
    let room = width - fixed - name
    var bar = min(Self.longestBar, room)
    if form == .full && hasNames {
      // Names take precedence over a longer bar.
      bar = min(bar, max(form.shortestBar, room - Self.gap.count - further))
      guard room - bar - Self.gap.count >= min(further, Self.longestBar) else { return nil }
    }
    guard bar >= form.shortestBar else { return nil }
    let rest = room - bar - Self.gap.count
    return Layout(
      form: form, name: name, state: state, bar: bar, expires: expires, renews: renews,
      names: rest >= min(further, Self.shortestNames) ? min(rest, further) : 0,
      ellipsis: glyphs.ellipsis)
  }

  /// The widths of the columns.
  private struct Layout {
    let form: Form
    let name, state, bar, expires, renews, names: Int
    let ellipsis: String

    /// Returns a line; `paint` colours the state and the bar.
    func line(
      _ name: TerminalText, _ state: TerminalText, _ bar: TerminalText, _ expires: TerminalText,
      _ renews: TerminalText, names: TerminalText, paint: (TerminalText) -> TerminalText
    ) -> TerminalText {
      var cells = [
        name.fitted(to: self.name, ellipsis: ellipsis).padded(to: self.name),
        // Colour the words, not the padding.
        paint(state) + TerminalText("").padded(to: self.state - state.displayWidth),
        bar.string.isEmpty
          ? bar.padded(to: self.bar)
          : paint(bar) + TerminalText("").padded(to: self.bar - bar.string.count),
        expires.padded(to: self.expires), renews.padded(to: self.renews),
      ]
      if self.names > 0 { cells.append(names.fitted(to: self.names, ellipsis: ellipsis)) }
      return cells.joined(separator: TerminalText(raw: gap)).withoutTrailingSpaces
    }
  }
}
