import CertctlBase

/// Facts for a person, one a line, with the values in a column; what is not known is left out.
struct Facts {
  private var facts: [(label: String, value: String)] = []

  /// Facts in this order.
  init(_ facts: [(label: String, value: String?)]) {
    self.facts = facts.compactMap { label, value in value.map { (label, $0) } }
  }

  /// The facts, each indented by so many columns.
  ///
  /// A line break within a value is kept: no line of a value can pass for another fact.
  func text(indent: Int = 0) -> TerminalText {
    let column = indent + 2 + (facts.map(\.label.displayWidth).max() ?? 0)
    let margin = TerminalText("").padded(to: column)
    return facts.map { label, value -> TerminalText in
      let lines = value.split(omittingEmptySubsequences: false) { $0.isNewline }
        .map { TerminalText(escaping: String($0)) }
      let start = TerminalText("").padded(to: indent) + TerminalText(escaping: label)
      return start.padded(to: column) + lines.joined(separator: "\n\(margin)")
    }
    .joined(separator: "\n")
  }
}
