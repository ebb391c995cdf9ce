import CertctlBase
import CertctlSystem

/// What a terminal can show.
struct TerminalStyle: Sendable, Equatable {
  /// Its width in columns; nil where there is no terminal, and no pictures are drawn.
  var width: Int?
  /// Whether it shows colours, and the user wants them.
  var hasColor = false
  /// Whether it shows more than ASCII.
  var hasUnicode = false

  /// The style of a stream as it is.
  init(of stream: Terminal.Stream) {
    guard Terminal.isTerminal(stream) else {
      self.init()
      return
    }
    self.init(width: Terminal.width(of: stream), variable: { Terminal.variable($0) })
  }

  /// Nothing but plain text.
  init() {}

  /// The style of a terminal.
  ///
  /// - Parameters:
  ///   - width: Its width in columns.
  ///   - variable: A variable of the environment, nil if it is not set or empty.
  init(width: Int?, variable: (String) -> String?) {
    self.width = width
    hasColor = variable("NO_COLOR") == nil && variable("TERM").map { $0 != "dumb" } ?? false
    // The first that is set decides (setlocale(3)).
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap(variable).first ?? ""
    let encoding = locale.lowercased().split(separator: ".").last?.split(separator: "@").first
    hasUnicode = encoding == "utf-8" || encoding == "utf8"
  }

  /// The width that text is broken to; narrower than this, all lines would be fragments.
  var textWidth: Int? { width.map { max(20, $0) } }

  /// What stands for a text that was cut off.
  var ellipsis: String { hasUnicode ? "…" : "..." }

  /// A text from elsewhere, made safe for this terminal.
  func safe(_ text: String) -> TerminalText {
    let text = TerminalText(escaping: text)
    guard width != nil, !hasUnicode else { return text }
    let ascii = text.string.unicodeScalars.map { scalar in
      scalar.isASCII
        ? String(scalar) : "\\u{" + String(scalar.value, radix: 16, uppercase: true) + "}"
    }
    return TerminalText(raw: ascii.joined())
  }
}
