import CertctlBase
import CertctlSystem

/// The capabilities of a terminal.
struct TerminalStyle: Sendable, Equatable {
  /// The width in columns; nil without a terminal, where no timeline is drawn.
  var width: Int?
  /// Whether to use colours.
  var hasColor = false
  /// Whether the terminal shows characters beyond ASCII.
  var hasUnicode = false

  /// Creates the style of a stream of this process.
  init(of stream: Terminal.Stream) {
    guard Terminal.isTerminal(stream) else {
      self.init()
      return
    }
    self.init(width: Terminal.width(of: stream), variable: { Terminal.variable($0) })
  }

  /// Creates the style of a file: plain text of any width.
  init() {}

  /// Creates the style of a terminal.
  ///
  /// - Parameters:
  ///   - width: The width in columns.
  ///   - variable: Returns an environment variable; nil if it is not set or empty.
  init(width: Int?, variable: (String) -> String?) {
    self.width = width
    hasColor = variable("NO_COLOR") == nil && variable("TERM").map { $0 != "dumb" } ?? false
    // The first variable that is set wins (setlocale(3)).
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy.compactMap(variable).first ?? ""
    let encoding = locale.lowercased().split(separator: ".").last?.split(separator: "@").first
    hasUnicode = encoding == "utf-8" || encoding == "utf8"
  }

  /// The width for wrapping text; at least 20 columns, because shorter lines would be fragments.
  var textWidth: Int? { width.map { max(20, $0) } }

  /// The mark for text that was cut off.
  var ellipsis: String { hasUnicode ? "…" : "..." }

  /// Returns an untrusted text, escaped for this terminal.
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
