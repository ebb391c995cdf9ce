import CertctlBase

extension TerminalText {
  /// The width of the text in terminal columns.
  var displayWidth: Int { string.displayWidth }

  /// Returns the text cut to at most `width` columns; `ellipsis` marks a cut.
  func fitted(to width: Int, ellipsis: String) -> TerminalText {
    TerminalText(raw: string.fitted(to: width, ellipsis: ellipsis))
  }

  /// Returns the text wrapped as ``String/wrapped(to:limit:ellipsis:)`` does.
  func wrapped(to width: Int, limit: Int, ellipsis: String) -> [TerminalText] {
    string.wrapped(to: width, limit: limit, ellipsis: ellipsis).map(TerminalText.init(raw:))
  }

  /// Returns the text padded with spaces to `width` columns.
  func padded(to width: Int) -> TerminalText { TerminalText(raw: string.padded(to: width)) }

  /// Returns the text in pieces of at most `width` columns, split anywhere.
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

  /// Returns the text with each line wrapped as ``String/flowed(to:)`` does.
  func flowed(to width: Int) -> TerminalText {
    let lines = string.split(separator: "\n", omittingEmptySubsequences: false)
    return TerminalText(
      raw: lines.flatMap { String($0).flowed(to: width) }.joined(separator: "\n"))
  }
}

extension String {
  /// The width of the text in terminal columns.
  var displayWidth: Int { reduce(0) { $0 + $1.displayWidth } }

  /// Returns the text cut to at most `width` columns; `ellipsis` marks a cut.
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

  /// Returns the text wrapped between words into lines of at most `width` columns.
  ///
  /// - Parameters:
  ///   - width: The columns of a line.
  ///   - limit: The maximum number of lines.
  ///   - ellipsis: The mark at the end of a line that was cut: the last line, or a word longer than
  ///     a line.
  /// - Returns: The lines; none for a text without words.
  func wrapped(to width: Int, limit: Int, ellipsis: String) -> [String] {
    var lines: [String] = []
    for word in split(separator: " ") {
      // Add all remaining words to the last line, so that its cut is marked.
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

  /// Returns the line wrapped between words into lines of at most `width` columns.
  ///
  /// Further lines are indented to the value if the line has the form `label   value`, else by two
  /// more columns than the line. A path or URL that is longer than a line stays whole on its own
  /// line, so that the user can copy it. A line with colours stays unchanged.
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

  /// Returns the two parts of a line of the form `label   value`, with at least two spaces between.
  ///
  /// The label keeps its spaces. It is empty in any other line, and if it is wider than `limit`.
  private func labelAndValue(within limit: Int) -> (label: String, value: Substring) {
    let text = drop { $0 == " " }
    guard let gap = text.firstRange(of: "  ") else { return ("", text) }
    let value = text[gap.upperBound...].drop { $0 == " " }
    let label = String(self[..<value.startIndex])
    return label.displayWidth > limit ? ("", text) : (label, value)
  }

  /// Returns the text padded with spaces to `width` columns.
  func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - displayWidth))
  }
}

/// A long line while it is wrapped.
private struct FlowedLine {
  let width: Int
  /// The indentation of words that do not fit at `hanging`.
  let small: Int
  /// The indentation of all other further lines.
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

  /// Starts a line with a word, or adds it to the current line if that is blank.
  private mutating func begin(_ indent: Int, _ word: String) {
    guard current.contains(where: { $0 != " " }) else {
      current += word
      return
    }
    lines.append(current)
    current = String(repeating: " ", count: indent) + word
  }

  /// The lines without trailing spaces.
  var finished: [String] {
    (lines + [current]).map { line in
      var line = line[...]
      while line.last == " " { line.removeLast() }
      return String(line)
    }
  }
}

extension Character {
  /// The width in terminal columns: that of the widest scalar.
  var displayWidth: Int {
    // An emoji of several scalars, such as a flag or a family, is a single picture.
    unicodeScalars.reduce(0) { max($0, $1.displayWidth) }
  }
}

extension Unicode.Scalar {
  /// The width in terminal columns: 0 for combining and format characters, 2 for wide East Asian
  /// characters (UAX 11) and emoji, else 1.
  fileprivate var displayWidth: Int {
    if value < 0x300 { return 1 }
    switch properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: return 0
    default: break
    }
    // Hangul vowels and final consonants join the preceding consonant.
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
