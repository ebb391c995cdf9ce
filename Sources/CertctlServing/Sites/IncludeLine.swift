/// The only line that certctl may add to nginx's main file: the include of the enabled sites.
enum IncludeLine {
  private static let comment = "# added by certctl"

  /// Returns the line for an nginx directory, given as nginx sees it.
  static func text(_ folder: String) -> String {
    "    include \(folder)/\(SiteFiles.enabled)/*.conf; \(comment)"
  }

  /// Returns the main file with the line added at the end of its `http` block.
  ///
  /// - Returns: nil if the file itself has no `http` block.
  static func added(to main: String, folder: String) -> String? {
    guard let end = endOfHTTP(main) else { return nil }
    let bytes = Array(main.utf8)
    let before = String(decoding: bytes[..<end], as: UTF8.self)
    let after = String(decoding: bytes[end...], as: UTF8.self)
    let hasBreak = before.last { $0 != " " && $0 != "\t" } == "\n"
    return before + (hasBreak ? "" : "\n") + text(folder) + "\n" + after
  }

  /// Returns the main file without the line; nil if the line is not in it.
  static func removed(from main: String, folder: String) -> String? {
    let line = text(folder)
    let lines = main.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.contains(where: { $0 == line }) else { return nil }
    return lines.filter { $0 != line }.joined(separator: "\n")
  }

  /// Returns the byte offset of the brace that closes the `http` block.
  private static func endOfHTTP(_ main: String) -> Int? {
    var words = NginxWords(main)
    var depth = 0
    var directive: String?
    var isInHTTP = false
    while let word = words.next() {
      switch word {
      case .text(let text): directive = directive ?? text
      case .semicolon: directive = nil
      case .open where directive?.hasSuffix("_by_lua_block") ?? false:
        words.skipBlock()
        directive = nil
      case .open:
        if depth == 0, directive == "http" { isInHTTP = true }
        depth += 1
        directive = nil
      case .close:
        depth -= 1
        if depth == 0, isInHTTP { return words.range.lowerBound }
        directive = nil
      }
    }
    return nil
  }
}
