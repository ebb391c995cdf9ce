/// What a terminal shows of a text.
///
/// It knows the few things that certctl makes a terminal do: carriage return, line feed, erasing a
/// line, and colours. Every character counts as one column.
package struct TerminalScreen: Sendable, CustomStringConvertible {
  /// A row of the screen.
  private struct Row {
    var cells: [Character] = []
    /// Whether the line goes on in the next row, because it was too long.
    var goesOn = false
  }

  /// The lines, without spaces at their ends; one that was too long for the screen is one line here.
  package let lines: [String]
  /// The lines that were too long.
  package let wrapped: [String]
  /// What was written and is not understood here, such as other escape sequences.
  package let unknown: [String]

  /// Shows a text on an empty screen of unlimited height.
  package init(_ text: String, columns: Int) {
    var rows = [Row()]
    var column = 0
    var unknown: [String] = []
    var rest = text.unicodeScalars[...]
    while let scalar = rest.popFirst() {
      switch scalar {
      case "\r": column = 0
      case "\n":
        rows.append(Row())
        column = 0
      case "\u{1B}":
        let end = rest.firstIndex { $0 != "[" && !(0x30...0x3F).contains($0.value) }
        let sequence = String(rest[..<(end.map(rest.index(after:)) ?? rest.endIndex)])
        rest = rest.dropFirst(sequence.unicodeScalars.count)
        if sequence == "[2K" {
          rows[rows.count - 1].cells = []
        } else if !sequence.hasSuffix("m") {
          unknown.append(sequence)
        }
      case _ where scalar.value < 0x20 || scalar.value == 0x7F: unknown.append("\(scalar.value)")
      default:
        // As terminals do, the next row begins only when there is something to put there.
        if column == columns {
          rows[rows.count - 1].goesOn = true
          rows.append(Row())
          column = 0
        }
        while rows[rows.count - 1].cells.count <= column { rows[rows.count - 1].cells.append(" ") }
        rows[rows.count - 1].cells[column] = Character(scalar)
        column += 1
      }
    }
    var lines: [String] = []
    var wrapped: [String] = []
    var line = ""
    var isWrapped = false
    for row in rows {
      line += String(row.cells)
      isWrapped = isWrapped || row.goesOn
      guard !row.goesOn else { continue }
      while line.last == " " { line.removeLast() }
      lines.append(line)
      if isWrapped { wrapped.append(line) }
      (line, isWrapped) = ("", false)
    }
    if lines.last == "" { lines.removeLast() }
    self.lines = lines
    self.wrapped = wrapped
    self.unknown = unknown
  }

  /// The lines as one text.
  package var description: String { lines.joined(separator: "\n") }
}
