import CertctlBase

extension TerminalText {
  /// How many columns a terminal takes to show the text.
  var displayWidth: Int { string.displayWidth }

  /// The text in at most `width` columns; what is cut off is told by `ellipsis`.
  func fitted(to width: Int, ellipsis: String) -> TerminalText {
    TerminalText(raw: string.fitted(to: width, ellipsis: ellipsis))
  }

  /// The text broken between words into lines of at most `width` columns, as ``String/wrapped``.
  func wrapped(to width: Int, limit: Int, ellipsis: String) -> [TerminalText] {
    string.wrapped(to: width, limit: limit, ellipsis: ellipsis).map(TerminalText.init(raw:))
  }

  /// The text with spaces behind it, up to `width` columns.
  func padded(to width: Int) -> TerminalText { TerminalText(raw: string.padded(to: width)) }

  /// The text in pieces of at most `width` columns, broken wherever it has to be.
  func chunks(of width: Int) -> [TerminalText] {
    var chunks = [""]
    for character in string {
      let longer = chunks[chunks.count - 1] + String(character)
      if longer.displayWidth > width && !chunks[chunks.count - 1].isEmpty {
        chunks.append(String(character))
      } else {
        chunks[chunks.count - 1] = longer
      }
    }
    return chunks.map(TerminalText.init(raw:))
  }

  /// The text with each of its lines as ``String/flowed(to:)`` breaks it.
  func flowed(to width: Int) -> TerminalText {
    let lines = string.split(separator: "\n", omittingEmptySubsequences: false)
    return TerminalText(
      raw: lines.flatMap { String($0).flowed(to: width) }.joined(separator: "\n"))
  }
}

extension String {
  /// How many columns a terminal takes to show the text.
  var displayWidth: Int { reduce(0) { $0 + $1.displayWidth } }

  /// The text in at most `width` columns; what is cut off is told by `ellipsis`.
  func fitted(to width: Int, ellipsis: String) -> String {
    guard displayWidth > width else { return self }
    let room = width - ellipsis.displayWidth
    guard room > 0 else { return String(ellipsis.prefix(max(0, width))) }
    var used = 0
    let kept = prefix { character in
      used += character.displayWidth
      return used <= room
    }
    return kept + ellipsis
  }

  /// The text broken between words into lines of at most `width` columns.
  ///
  /// - Parameters:
  ///   - width: The columns of a line.
  ///   - limit: How many lines there may be.
  ///   - ellipsis: What the last line, or a word that is longer than a line, ends with when it is
  ///     cut off.
  /// - Returns: The lines; none for a text without words.
  func wrapped(to width: Int, limit: Int, ellipsis: String) -> [String] {
    var lines: [String] = []
    for word in split(separator: " ") {
      // What no longer fits the last line is added to it all the same, so that it is seen to be cut.
      if let last = lines.last,
        lines.count == limit || last.displayWidth + 1 + String(word).displayWidth <= width
      {
        lines[lines.count - 1] = "\(last) \(word)"
      } else {
        lines.append(String(word))
      }
    }
    return lines.map { $0.fitted(to: width, ellipsis: ellipsis) }
  }

  /// The line broken between words into lines of at most `width` columns.
  ///
  /// Further lines are indented: below the value where the line has the form `label   value`, else by
  /// two more columns than the line. A path or URL that is longer than a line stays whole on a line
  /// of its own, because a person copies it. A line with colours is left as it is.
  func flowed(to width: Int) -> [String] {
    guard displayWidth > width, !contains("\u{1B}") else { return [self] }
    let indent = prefix { $0 == " " }.count
    let small = min(indent + 2, width / 2)
    let (label, value) = labelAndValue(within: width / 2)
    var flow = FlowedLine(
      width: width, small: small, hanging: label.isEmpty ? small : label.displayWidth)
    flow.current = label.isEmpty ? String(repeating: " ", count: indent) : label
    for word in value.split(separator: " ") { flow.add(String(word)) }
    return flow.finished
  }

  /// The line in two where it has the form `label   value`, with at least two spaces between; the label
  /// keeps its spaces, and is empty in any other line and where it is wider than `limit`.
  private func labelAndValue(within limit: Int) -> (label: String, value: Substring) {
    let text = drop { $0 == " " }
    guard let gap = text.firstRange(of: "  ") else { return ("", text) }
    let value = text[gap.upperBound...].drop { $0 == " " }
    let label = String(self[..<value.startIndex])
    return label.displayWidth > limit ? ("", text) : (label, value)
  }

  /// The text with spaces behind it, up to `width` columns.
  func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - displayWidth))
  }
}

/// The lines that a long one is broken into.
private struct FlowedLine {
  let width: Int
  /// The indentation of words that are too long to stand below the value.
  let small: Int
  /// The indentation of all others.
  let hanging: Int
  /// The line that is being filled.
  var current = ""
  private var hasWord = false
  private var lines: [String] = []

  init(width: Int, small: Int, hanging: Int) {
    self.width = width
    self.small = small
    self.hanging = hanging
  }

  mutating func add(_ word: String) {
    let space = hasWord ? " " : ""
    if (current + space + word).displayWidth <= width {
      current += space + word
    } else if hasWord, hanging + word.displayWidth <= width {
      begin(hanging, word)
    } else if small + word.displayWidth <= width || word.contains("/") {
      begin(small, word)
    } else {
      for chunk in TerminalText(raw: word).chunks(of: max(1, width - small)) {
        begin(small, chunk.string)
      }
    }
    hasWord = true
  }

  /// Begins a line, or goes on with one that holds nothing yet.
  private mutating func begin(_ indent: Int, _ word: String) {
    guard current.contains(where: { $0 != " " }) else {
      current += word
      return
    }
    lines.append(current)
    current = String(repeating: " ", count: indent) + word
  }

  /// The lines, without spaces at their ends.
  var finished: [String] {
    (lines + [current]).map { line in
      var line = line[...]
      while line.last == " " { line.removeLast() }
      return String(line)
    }
  }
}

extension Character {
  /// How many columns a terminal takes: what is put together of many scalars takes the columns of
  /// its widest.
  var displayWidth: Int {
    // The emoji of two flags, of a family: one picture, whatever its parts.
    unicodeScalars.reduce(0) { max($0, $1.displayWidth) }
  }
}

extension Unicode.Scalar {
  /// 0 for what is put onto the character before it, 2 for the wide ones of East Asia (UAX 11) and
  /// emoji, else 1.
  fileprivate var displayWidth: Int {
    if value < 0x300 { return 1 }
    switch properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: return 0
    default: break
    }
    // Vowels and final consonants that are put below a Korean syllable.
    if (0x1160...0x11FF).contains(value) { return 0 }
    if properties.isEmojiPresentation { return 2 }
    return Self.wide.contains { $0.contains(value) } ? 2 : 1
  }

  private static let wide: [ClosedRange<UInt32>] = [
    0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x4DBF, 0x4E00...0xA4CF, 0xA960...0xA97F,
    0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6F, 0xFF00...0xFF60,
    0xFFE0...0xFFE6, 0x16FE0...0x18DFF, 0x1AFF0...0x1B2FF, 0x1F200...0x1F265, 0x20000...0x3FFFD,
  ]
}
