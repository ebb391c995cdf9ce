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

  /// The text with spaces behind it, up to `width` columns.
  func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(0, width - displayWidth))
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
