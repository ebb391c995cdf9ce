import CertctlBase
import CertctlCore

/// What certctl says on stderr, as lines of which none can look like another.
///
/// The only place where talk is made safe: a line may hold anything that nginx, a CA or a hook said.
struct Talk: Sendable {
  private var lines: [(prefix: String, text: String)]

  /// Lines as they are, such as instructions to a person.
  init(_ lines: [String]) { self.lines = lines.map { ("", $0) } }

  /// A line that begins with the program's name.
  init(named text: String) { lines = [("certctl: ", text)] }

  /// A warning, and the lines below it.
  init(warning text: String, details: [String] = []) {
    lines = [("certctl: warning: ", text)] + details.map { ("", "  \($0)") }
  }

  /// An error: its message, its details, its hint.
  init(_ error: CertctlError) {
    let words = error.lines
    lines = [("certctl: ", words[0])] + words.dropFirst().map { ("", $0) }
    if let hint = error.hint { lines.append(("certctl: ", "hint: \(hint)")) }
  }

  /// The lines for a terminal or a file.
  var plain: String { lines.map { Self.safe($0.prefix + $0.text) + "\n" }.joined() }

  /// The lines for the journal, which adds the program's name itself.
  func journal(_ level: JournalLevel) -> String { level.lines(lines.map(\.text)) }

  /// The text as one line that commands no terminal.
  static func safe(_ line: String) -> String { escapedForTerminal(line) }
}
