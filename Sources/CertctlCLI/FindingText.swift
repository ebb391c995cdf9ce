import CertctlBase
import CertctlCore

extension Finding {
  /// The finding for a person, the same wherever it is told: the message, and the hint below it.
  ///
  /// - Parameters:
  ///   - indent: How many columns it stands from the left.
  ///   - label: What it is about, where that does not stand above it.
  /// - Returns: The lines, without a line break at their end.
  func text(indent: Int, label: String? = nil) -> TerminalText {
    let margin = TerminalText("").padded(to: indent)
    let first = label.map { "\($0): \(message)" } ?? message
    let times = TimeText()
    return ([first] + hintLines).map { "\(margin)\(times.rewritten($0))" }.joined(separator: "\n")
  }

  /// The line with the hint, if there is one.
  var hintLines: [String] { hint.map { ["hint: \($0)"] } ?? [] }
}
