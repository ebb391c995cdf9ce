import CertctlBase
import CertctlCore
import FoundationEssentials

/// The common layout of certificate and site lists: colours, notes, and cards for narrow terminals.
struct ListLayout {
  let style: TerminalStyle
  let times: TimeText

  /// The maximum number of lines for a text in a list; `certctl show` prints the whole text.
  private static let linesOfNote = 3

  /// Returns the text in the colour of its urgency.
  func paint(_ text: TerminalText, _ attention: Attention?) -> TerminalText {
    guard style.hasColor, let color = attention?.color, !text.string.isEmpty else { return text }
    return "\u{1B}[\(color)m\(text)\u{1B}[0m"
  }

  /// Returns the lines of findings; on a terminal at most three for each message and hint.
  func notes(_ findings: [Finding], width: Int?, _ attention: Attention?) -> [TerminalText] {
    findings.flatMap { finding in
      let lines = ([finding.message] + finding.hintLines).flatMap { text -> [TerminalText] in
        let text = style.safe(times.rewritten(text))
        return width.map { broken(text, width: $0 - 4) } ?? [text]
      }
      return lines.enumerated().map { index, line in
        (index == 0 ? "  ! " : "    ") + paint(line, attention)
      }
    }
  }

  /// Returns the card of an item on a narrow terminal: name and state, with facts below.
  ///
  /// - Parameters:
  ///   - name: The name as stored.
  ///   - state: The state in words.
  ///   - facts: Labels and values.
  ///   - width: The terminal's width.
  ///   - attention: The urgency, which sets the colour of the state.
  /// - Returns: Lines that fit the width.
  func card(
    _ name: String, _ state: String, _ facts: [(label: String, value: String?)], width: Int,
    _ attention: Attention?
  ) -> [TerminalText] {
    let name = style.safe(name)
    let column = 1 + (facts.map(\.label.count).max() ?? 0)
    let below = facts.compactMap { label, value -> [TerminalText]? in
      guard let value else { return nil }
      let lines = broken(style.safe(value), width: width - 2 - column)
      return lines.enumerated().map { index, line in
        "  " + TerminalText(raw: index == 0 ? label : "").padded(to: column) + line
      }
    }
    .joined()
    let isShort = name.displayWidth + 2 + state.displayWidth <= width
    let head =
      isShort
      ? ["\(name): " + paint(TerminalText(raw: state), attention)]
      // Never cut a name: two names may differ only at the end.
      : name.chunks(of: width) + ["  " + paint(TerminalText(raw: state), attention)]
    return head + below
  }

  private func broken(_ text: TerminalText, width: Int) -> [TerminalText] {
    text.wrapped(to: max(1, width), limit: Self.linesOfNote, ellipsis: style.ellipsis)
  }
}

/// A table in which some columns can be cut.
struct TextTable {
  /// A column of a table.
  struct Column {
    let header: String
    let cells: [TerminalText]
    /// The minimum width of a column that can be cut; nil if it cannot.
    var shortest: Int?

    var natural: Int { cells.reduce(header.displayWidth) { max($0, $1.displayWidth) } }
  }

  private static let gap = 2
  let columns: [Column]
  let ellipsis: String

  /// Returns the widths of the columns.
  ///
  /// - Parameters:
  ///   - width: The terminal's width; nil for a file, which has no limit.
  ///   - cuts: Whether columns may be cut.
  /// - Returns: The widths; nil if the table does not fit.
  func widths(in width: Int?, cuts: Bool) -> [Int]? {
    var widths = columns.map(\.natural)
    guard let width else { return widths }
    let room = width - Self.gap * (columns.count - 1)
    while widths.reduce(0, +) > room {
      let flexible = columns.indices.filter { widths[$0] > columns[$0].shortest ?? Int.max }
      guard cuts, let widest = flexible.max(by: { widths[$0] < widths[$1] }) else { return nil }
      widths[widest] -= 1
    }
    return widths
  }

  /// Returns the lines of the header and the rows.
  ///
  /// - Parameters:
  ///   - widths: The widths of the columns.
  ///   - paint: Colours a cell, given its row and column.
  /// - Returns: The lines.
  func lines(
    _ widths: [Int],
    paint: (TerminalText, _ row: Int, _ column: Int) -> TerminalText = { text, _, _ in
      text
    }
  ) -> [TerminalText] {
    let gap = TerminalText("").padded(to: Self.gap)
    let header = zip(columns, widths).map { TerminalText(raw: $0.header).padded(to: $1) }
      .joined(separator: gap).withoutTrailingSpaces
    let rows = (columns.first?.cells ?? []).indices.map { row in
      columns.indices.map { column in
        let cell = columns[column].cells[row].fitted(to: widths[column], ellipsis: ellipsis)
        // Colour the words, not the padding.
        return paint(cell, row, column)
          + TerminalText("").padded(to: widths[column] - cell.displayWidth)
      }
      .joined(separator: gap).withoutTrailingSpaces
    }
    return [header] + rows
  }
}
