/// The rule for names of containers.
package enum ContainerName {
  /// Returns whether a text is a valid container name or ID.
  ///
  /// The rule of the engines: letters, digits, `_`, `.` and `-`, beginning with a letter or digit.
  package static func isValid(_ text: String) -> Bool {
    let isWord = { (byte: UInt8) in
      (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
    }
    guard let first = text.utf8.first, isWord(first), (2...128).contains(text.utf8.count) else {
      return false
    }
    return text.utf8.allSatisfy { isWord($0) || "_.-".utf8.contains($0) }
  }
}
