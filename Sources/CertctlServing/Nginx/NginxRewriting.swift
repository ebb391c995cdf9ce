/// Replaces words of a configuration file and keeps everything else.
enum NginxRewriting {
  /// Replaces arguments of directives; comments and white space stay unchanged.
  ///
  /// - Parameters:
  ///   - text: The file.
  ///   - replacement: Returns the new text for a directive's name and one of its arguments; nil to
  ///     keep it.
  /// - Returns: The new text; nil if nothing was replaced.
  static func text(
    _ text: String, replacing replacement: (_ directive: String, _ argument: String) -> String?
  ) -> String? {
    var words = NginxWords(text)
    let bytes = Array(text.utf8)
    var result: [UInt8] = []
    var copied = 0
    var directive: String?
    while let word = words.next() {
      switch word {
      case .text(let argument):
        guard let name = directive else {
          directive = argument
          continue
        }
        guard let new = replacement(name, argument) else { continue }
        let range = words.range
        result += bytes[copied..<range.lowerBound]
        result += Array(quoted(new).utf8)
        copied = range.upperBound
      case .open where directive?.hasSuffix("_by_lua_block") ?? false:
        words.skipBlock()
        directive = nil
      case .open, .close, .semicolon: directive = nil
      }
    }
    guard copied > 0 else { return nil }
    result += bytes[copied...]
    return String(decoding: result, as: UTF8.self)
  }

  /// Returns a word quoted as nginx requires it; variables in it still work.
  private static func quoted(_ word: String) -> String {
    guard word.contains(where: { " \t\r\n;{}\"'\\#".contains($0) }) else { return word }
    var text = "\""
    for character in word {
      if character == "\"" || character == "\\" { text.append("\\") }
      text.append(character)
    }
    return text + "\""
  }
}
