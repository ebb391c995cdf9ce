/// Text that is safe to print: what a terminal obeys in it was put there by certctl itself.
///
/// A literal stands as it is, line breaks included. What is interpolated is escaped by
/// ``escapedForTerminal(_:)``, unless it is such a text itself:
///
///     let text: TerminalText = "\(name)\n  hint: \(hint)"
package struct TerminalText: Sendable, Hashable, ExpressibleByStringInterpolation,
  CustomStringConvertible
{
  /// What is printed.
  package private(set) var string: String

  /// A text that is printed as it is, such as a generated file or the colours of a table.
  package init(raw string: String) { self.string = string }

  /// A text from elsewhere, of which nothing is obeyed.
  package init(escaping text: String) { string = escapedForTerminal(text) }

  /// A JSON text: what it says stays as it is, but what a terminal would obey is spelled `\u009B`.
  ///
  /// RFC 8259, section 7: any character of a string may be spelled so. Outside of strings there is
  /// nothing to spell but line breaks, which stay.
  package init(json text: String) {
    guard text.unicodeScalars.contains(where: { $0 != "\n" && isUnsafeOnTerminal($0) }) else {
      string = text
      return
    }
    string = ""
    for scalar in text.unicodeScalars {
      guard scalar != "\n", isUnsafeOnTerminal(scalar) else {
        string.unicodeScalars.append(scalar)
        continue
      }
      for unit in String(scalar).utf16 {
        let digits = String(unit, radix: 16, uppercase: true)
        string += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      }
    }
  }

  /// A line, and others that stand indented below it.
  package init(_ first: String, details: [String]) {
    string =
      ([first] + details.map { "  \($0)" }).map(TerminalText.init(escaping:))
      .joined(separator: "\n").string
  }

  package init(stringLiteral value: String) { string = value }

  package init(stringInterpolation: StringInterpolation) { string = stringInterpolation.string }

  /// What is printed.
  package var description: String { string }

  package static func + (first: Self, second: Self) -> Self {
    TerminalText(raw: first.string + second.string)
  }

  package static func += (text: inout Self, more: Self) { text.string += more.string }

  /// Takes literals as they are and escapes all else.
  package struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var string = ""

    package init(literalCapacity: Int, interpolationCount: Int) {
      string.reserveCapacity(literalCapacity)
    }

    package mutating func appendLiteral(_ literal: String) { string += literal }

    package mutating func appendInterpolation(_ text: TerminalText) { string += text.string }

    package mutating func appendInterpolation(_ value: some CustomStringConvertible) {
      string += TerminalText(escaping: value.description).string
    }
  }
}

extension Sequence<TerminalText> {
  /// The texts as one.
  package func joined(separator: TerminalText = "") -> TerminalText {
    TerminalText(raw: map(\.string).joined(separator: separator.string))
  }
}

/// Makes text from elsewhere safe to show: it cannot move the cursor, colour, hide or reorder.
///
/// C0 and C1 controls, DEL, the bidirectional controls, line and paragraph separators and other
/// invisible format characters become `\u{…}`; line breaks and tabs become `\n`, `\r` and `\t`.
package func escapedForTerminal(_ text: String) -> String {
  guard text.unicodeScalars.contains(where: isUnsafeOnTerminal) else { return text }
  var result = ""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\n": result += "\\n"
    case "\r": result += "\\r"
    case "\t": result += "\\t"
    case _ where isUnsafeOnTerminal(scalar):
      result += "\\u{" + String(scalar.value, radix: 16, uppercase: true) + "}"
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result
}

private func isUnsafeOnTerminal(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.properties.generalCategory {
  case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: true
  default: false
  }
}
