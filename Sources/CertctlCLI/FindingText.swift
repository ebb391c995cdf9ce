import CertctlBase
import CertctlCore

extension Finding {
  /// Returns the finding as text: the message, with the hint below it.
  ///
  /// - Parameters:
  ///   - indent: The indentation in columns.
  ///   - label: The subject, unless a line above names it.
  /// - Returns: The lines without a trailing line break.
  func text(indent: Int, label: String? = nil) -> TerminalText {
    let margin = TerminalText("").padded(to: indent)
    let first = label.map { "\($0): \(message)" } ?? message
    let times = TimeText()
    return ([first] + hintLines).map { "\(margin)\(times.rewritten($0))" }.joined(separator: "\n")
  }

  /// The line with the hint; empty without a hint.
  var hintLines: [String] { hint.map { ["hint: \($0)"] } ?? [] }
}
