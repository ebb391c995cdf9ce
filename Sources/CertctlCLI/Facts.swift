import CertctlBase

/// Labels and their values, one per line, with the values aligned.
struct Facts {
  private var facts: [(label: String, value: String)] = []

  /// Creates facts in this order, without those that have no value.
  init(_ facts: [(label: String, value: String?)]) {
    self.facts = facts.compactMap { label, value in value.map { (label, $0) } }
  }

  /// Returns the facts, each indented by `indent` columns.
  ///
  /// Further lines of a value are indented to its column, so that they cannot imitate another fact.
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
