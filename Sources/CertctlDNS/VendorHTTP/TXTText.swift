/// Conversion of TXT texts; some vendor APIs put them in quotes, some do not.
package enum TXTText {
  /// Returns the text as a quoted string of a zone file (RFC 1035, section 5.1).
  ///
  /// - Parameter text: The text, of at most 255 bytes.
  /// - Returns: The text in quotes, with a backslash before quotes and backslashes.
  package static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      if scalar == "\"" || scalar == "\\" { result += "\\" }
      result.unicodeScalars.append(scalar)
    }
    return result + "\""
  }

  /// Returns the text of one or more quoted strings, concatenated.
  ///
  /// - Parameter text: One or more quoted strings, or plain text, which is returned as is.
  /// - Returns: The text without quotes.
  package static func unquoted(_ text: String) -> String {
    guard text.utf8.first == UInt8(ascii: "\"") else { return text }
    var result = String.UnicodeScalarView()
    var isInside = false
    var isEscaped = false
    for scalar in text.unicodeScalars {
      if isEscaped {
        result.append(scalar)
        isEscaped = false
      } else if scalar == "\\" {
        isEscaped = true
      } else if scalar == "\"" {
        isInside.toggle()
      } else if isInside {
        result.append(scalar)
      }
    }
    return String(result)
  }
}

extension [ChallengeRecord] {
  /// The distinct values of each name, both in the order of their first appearance.
  package var byName: [(name: String, values: [String])] {
    var result: [(name: String, values: [String])] = []
    for record in self {
      if let index = result.firstIndex(where: { $0.name == record.name }) {
        if !result[index].values.contains(record.value) {
          result[index].values.append(record.value)
        }
      } else {
        result.append((record.name, [record.value]))
      }
    }
    return result
  }
}
