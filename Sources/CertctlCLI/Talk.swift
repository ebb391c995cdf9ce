import CertctlBase
import CertctlCore

/// A message on stderr, as lines that cannot imitate each other.
///
/// Lines may contain any text from nginx, a CA or a hook. This type escapes it.
struct Talk: Sendable {
  private var lines: [Line]

  private struct Line {
    var prefix = ""
    var text: String
    var kind = Kind.verbatim
  }

  /// The layout of a line on a terminal.
  private enum Kind {
    /// Never shortened or wrapped, because the user may copy it.
    case verbatim
    /// The message: wrapped, and shortened if it is long.
    case message
    /// A detail: like a message, but limited in number.
    case detail
    /// A hint or a note: wrapped, but never shortened.
    case hint
  }

  /// Creates a message of verbatim lines, such as instructions.
  init(_ lines: [String]) { self.lines = lines.map { Line(text: $0) } }

  /// Creates a note.
  init(note text: String) { lines = [Line(text: text, kind: .hint)] }

  /// Creates a message that begins with the program's name.
  init(named text: String) { lines = [Line(prefix: "certctl: ", text: text, kind: .message)] }

  /// Creates a warning with details below it.
  init(warning text: String, details: [String] = []) {
    lines =
      [Line(prefix: "certctl: warning: ", text: text, kind: .message)]
      + details.map { Line(text: "  \($0)", kind: .detail) }
  }

  /// Creates the message of an error, with its details and hint.
  init(_ error: CertctlError) {
    let words = error.lines
    lines =
      [Line(prefix: "certctl: ", text: words[0], kind: .message)]
      + words.dropFirst().map { Line(text: $0, kind: .detail) }
    if let hint = error.hint { add(hint: hint) }
  }

  private mutating func add(hint: String) {
    lines.append(Line(prefix: "certctl: ", text: "hint: \(hint)", kind: .hint))
  }

  /// The lines for a file, unshortened and with RFC 3339 times.
  var plain: String { lines.map { Self.safe($0.prefix + $0.text) + "\n" }.joined() }

  /// Returns the lines for the journal, without the program's name, which the journal adds.
  func journal(_ level: JournalLevel) -> String { level.lines(lines.map(\.text)) }

  /// Returns the lines for a terminal.
  ///
  /// - Parameters:
  ///   - style: The style of the terminal.
  ///   - isBrief: Whether long messages are shortened; false with `--verbose`.
  ///   - times: The format of times.
  /// - Returns: The lines, each with a line break.
  func text(on style: TerminalStyle, isBrief: Bool, times: TimeText = TimeText()) -> String {
    var talk = self
    talk.lines = lines.map { line in
      var line = line
      // Escape first, because escaping makes the text longer.
      line.text = Self.safe(line.kind == .verbatim ? line.text : times.rewritten(line.text))
      return line
    }
    if isBrief { talk = talk.shortened(style.ellipsis) }
    return talk.lines.flatMap { line -> [String] in
      let text = line.prefix + line.text
      guard line.kind != .verbatim, let width = style.textWidth else { return [text] }
      return text.flowed(to: width)
    }
    .map { $0 + "\n" }.joined()
  }

  /// Returns a shortened copy, with a hint if anything was cut.
  private func shortened(_ ellipsis: String) -> Talk {
    var brevity = Brevity(ellipsis: ellipsis)
    var talk = self
    talk.lines = lines.filter { $0.kind != .detail && $0.kind != .hint }.map { line in
      guard line.kind == .message else { return line }
      var line = line
      line.text = brevity.shortened(line.text)
      return line
    }
    talk.lines += brevity.shortened(lines.filter { $0.kind == .detail }.map(\.text))
      .map { Line(text: $0, kind: .detail) }
    talk.lines += lines.filter { $0.kind == .hint }
    if brevity.hasCut { talk.add(hint: Brevity.hint) }
    return talk
  }

  /// Returns the text as one line, with control characters escaped.
  static func safe(_ line: String) -> String { escapedForTerminal(line) }
}

/// Shortens long messages for a terminal.
struct Brevity {
  /// The hint for a message that was cut.
  static let hint = "run with --verbose to see the whole message"
  private static let longest = 300
  private static let mostLines = 10

  let ellipsis: String
  /// Whether any text was cut so far.
  private(set) var hasCut = false

  /// Creates a value for one message or report.
  init(ellipsis: String) { self.ellipsis = ellipsis }

  /// Returns the line with at most 300 characters, cut between words.
  mutating func shortened(_ line: String) -> String {
    guard line.count > Self.longest else { return line }
    hasCut = true
    let room = line.prefix(Self.longest - ellipsis.count - 1)
    // A very long word, such as a key, is cut anywhere.
    let end = room.lastIndex(of: " ").flatMap { room[$0...].count < 100 ? $0 : nil }
    let kept = end.map { room[..<$0] } ?? room
    return "\(kept) \(ellipsis)"
  }

  /// Returns at most ten lines, each shortened, and a line with the number of further ones.
  mutating func shortened(_ lines: [String]) -> [String] {
    var kept = lines.prefix(Self.mostLines).map { shortened($0) }
    let rest = lines.count - kept.count
    if rest > 0 {
      hasCut = true
      kept.append("  \(ellipsis) and \(rest) more (--verbose shows all)")
    }
    return kept
  }
}
