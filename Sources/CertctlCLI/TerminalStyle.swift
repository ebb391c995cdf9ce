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

  /// A style for stdout as it is.
  static func ofStandardOutput() -> TerminalStyle {
    guard Terminal.isTerminal(.standardOutput) else { return TerminalStyle() }
    return TerminalStyle(
      width: Terminal.width(of: .standardOutput), variable: { Terminal.variable($0) })
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
