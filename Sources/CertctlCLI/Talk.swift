import CertctlBase
import CertctlCore

/// What certctl says on stderr, as lines of which none can look like another.
///
/// The only place where talk is made safe: a line may hold anything that nginx, a CA or a hook said.
struct Talk: Sendable {
  private var lines: [Line]

  private struct Line {
    var prefix = ""
    var text: String
    var kind = Kind.verbatim
  }

  /// How a line is laid out for a person.
  private enum Kind {
    /// As it is, because a person may copy it.
    case verbatim
    /// The message: in words, as long as a person reads.
    case message
    /// What belongs to the message: likewise, and not too many.
    case detail
    /// What to do, or what is good to know: whole.
    case hint
  }

  /// Lines as they are, such as instructions to a person.
  init(_ lines: [String]) { self.lines = lines.map { Line(text: $0) } }

  /// A line in words.
  init(note text: String) { lines = [Line(text: text, kind: .hint)] }

  /// A line that begins with the program's name.
  init(named text: String) { lines = [Line(prefix: "certctl: ", text: text, kind: .message)] }

  /// A warning, and the lines below it.
  init(warning text: String, details: [String] = []) {
    lines =
      [Line(prefix: "certctl: warning: ", text: text, kind: .message)]
      + details.map { Line(text: "  \($0)", kind: .detail) }
  }

  /// An error: its message, its details, its hint.
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

  /// The lines for a file: whole, with the times of logs.
  var plain: String { lines.map { Self.safe($0.prefix + $0.text) + "\n" }.joined() }

  /// The lines for the journal, which adds the program's name itself.
  func journal(_ level: JournalLevel) -> String { level.lines(lines.map(\.text)) }

  /// The lines for a person at a terminal.
  ///
  /// - Parameters:
  ///   - style: What the terminal can show.
  ///   - isBrief: Whether long messages are cut; `--verbose` shows them whole.
  ///   - times: How times are written.
  /// - Returns: The lines, each with its line break.
  func text(on style: TerminalStyle, isBrief: Bool, times: TimeText = TimeText()) -> String {
    var talk = self
    talk.lines = lines.map { line in
      var line = line
      // Before anything is counted: an escaped character is longer.
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

  /// The same with as much as a person reads, and where to find the rest.
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

  /// The text as one line that commands no terminal.
  static func safe(_ line: String) -> String { escapedForTerminal(line) }
}

/// Shortens what is too long for a person to read at a terminal.
struct Brevity {
  /// The hint that goes with a text that was cut.
  static let hint = "run with --verbose to see the whole message"
  private static let longest = 300
  private static let mostLines = 10

  let ellipsis: String
  /// Whether a text was cut so far.
  private(set) var hasCut = false

  /// Nothing is cut yet.
  init(ellipsis: String) { self.ellipsis = ellipsis }

  /// A line of 300 characters at most, cut at a word.
  mutating func shortened(_ line: String) -> String {
    guard line.count > Self.longest else { return line }
    hasCut = true
    let room = line.prefix(Self.longest - ellipsis.count - 1)
    // A word that fills the line, such as a key, is cut where it has to be.
    let end = room.lastIndex(of: " ").flatMap { room[$0...].count < 100 ? $0 : nil }
    let kept = end.map { room[..<$0] } ?? room
    return "\(kept) \(ellipsis)"
  }

  /// Ten lines at most, each one shortened, and how many more there are.
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
