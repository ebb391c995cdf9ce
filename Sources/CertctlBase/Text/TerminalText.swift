/// Text that is safe to print: all of its control characters come from certctl itself.
///
/// Literals are kept as they are, including line breaks. Interpolated values are escaped with
/// ``escapedForTerminal(_:)``, unless they are `TerminalText` themselves:
///
///     let text: TerminalText = "\(name)\n  hint: \(hint)"
package struct TerminalText: Sendable, Hashable, ExpressibleByStringInterpolation,
  CustomStringConvertible
{
  /// The text to print.
  package private(set) var string: String

  /// Creates a text that is printed without escaping, such as a generated file or a coloured table.
  package init(raw string: String) { self.string = string }

  /// Creates a text from an untrusted string, which is escaped.
  package init(escaping text: String) { string = escapedForTerminal(text) }

  /// Creates a text from JSON: characters that are unsafe on a terminal are written as `\u009B`.
  ///
  /// RFC 8259 section 7 allows this for every character of a string. Outside of strings only line
  /// breaks are affected, and they are kept.
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

  /// Creates a text of a line and indented lines below it.
  package init(_ first: String, details: [String]) {
    string =
      ([first] + details.map { "  \($0)" }).map(TerminalText.init(escaping:))
      .joined(separator: "\n").string
  }

  package init(stringLiteral value: String) { string = value }

  package init(stringInterpolation: StringInterpolation) { string = stringInterpolation.string }

  /// The text to print.
  package var description: String { string }

  package static func + (first: Self, second: Self) -> Self {
    TerminalText(raw: first.string + second.string)
  }

  package static func += (text: inout Self, more: Self) { text.string += more.string }

  /// Keeps literals and escapes everything else.
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
  /// Joins the texts.
  package func joined(separator: TerminalText = "") -> TerminalText {
    TerminalText(raw: map(\.string).joined(separator: separator.string))
  }
}

/// Escapes untrusted text, so that it cannot move the cursor, colour, hide or reorder.
///
/// C0 and C1 controls, DEL, bidirectional controls, line and paragraph separators and other
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
