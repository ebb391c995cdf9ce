import CertctlBase

/// An option in the parser's help: a label with its text beside or below it.
///
/// The parser appends `(values: a, b; default: x)` to some texts. This type turns that list into
/// sentences with the default last, as in all other texts.
struct HelpEntry {
  /// The column where the parser starts the text.
  private static let column = 26

  private let lines: [String]

  /// Returns a section of the help with all its option texts in the same form.
  static func unified(_ section: String, width: Int) -> String {
    var result: [String] = []
    var entry: [String] = []
    for line in section.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) {
      if !line.hasPrefix("   ") {
        result += HelpEntry(lines: entry).unified(width: width)
        entry = []
      }
      entry.append(line)
    }
    return (result + HelpEntry(lines: entry).unified(width: width)).joined(separator: "\n")
  }

  private func unified(width: Int) -> [String] {
    guard let (label, words) = parts, let text = Self.sentence(words) else { return lines }
    let margin = "".padded(to: Self.column)
    let wrapped = text.wrapped(to: max(20, width - Self.column), limit: .max, ellipsis: "")
    guard label.count < Self.column - 1 else { return [label] + wrapped.map { margin + $0 } }
    return wrapped.enumerated().map { index, line in
      (index == 0 ? label.padded(to: Self.column) : margin) + line
    }
  }

  /// The label with its indentation, and the text joined into one line.
  private var parts: (label: String, text: String)? {
    guard let first = lines.first, first.hasPrefix("  ") else { return nil }
    let name = first.dropFirst(2)
    let end =
      name.firstRange(of: "  ")?.lowerBound
      ?? (first.count > Self.column && name.dropFirst(23).first == " "
        ? name.index(name.startIndex, offsetBy: 23) : name.endIndex)
    let text = ([String(name[end...])] + lines.dropFirst())
      .map { $0.drop { $0 == " " } }.filter { !$0.isEmpty }.joined(separator: " ")
    return ("  " + name[..<end], text)
  }

  /// Returns the text with the parser's list as sentences; nil if it has no list.
  private static func sentence(_ text: String) -> String? {
    guard text.hasSuffix(")"),
      let open = (text.ranges(of: "(values: ") + text.ranges(of: "(default: "))
        .last
    else { return nil }
    var base = String(text[..<open.lowerBound])
    while base.last == " " { base.removeLast() }
    let list = text[open.upperBound...].dropLast()
    var values: Substring?
    var standard: Substring?
    if text[open].hasPrefix("(default") {
      standard = list
    } else if let mark = list.firstRange(of: "; default: ") {
      (values, standard) = (list[..<mark.lowerBound], list[mark.upperBound...])
    } else {
      values = list
    }
    var ending = ""
    if let mark = base.ranges(of: " Default: ").last {
      ending = String(base[mark.lowerBound...])
      base = String(base[..<mark.lowerBound])
    } else if let standard {
      ending = " Default: \(standard)."
    }
    return base + (values.map { " One of: \($0)." } ?? "") + ending
  }
}
