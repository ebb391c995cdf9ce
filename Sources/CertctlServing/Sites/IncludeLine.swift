/// The one line of nginx's main file that certctl may add: the include of the enabled sites.
enum IncludeLine {
  private static let comment = "# added by certctl"

  /// The line for the folder of an nginx, as it sees it.
  static func text(_ folder: String) -> String {
    "    include \(folder)/\(SiteFiles.enabled)/*.conf; \(comment)"
  }

  /// The main file with the line at the end of its `http` block.
  ///
  /// - Returns: nil when the file has no such block of its own.
  static func added(to main: String, folder: String) -> String? {
    guard let end = endOfHTTP(main) else { return nil }
    let bytes = Array(main.utf8)
    let before = String(decoding: bytes[..<end], as: UTF8.self)
    let after = String(decoding: bytes[end...], as: UTF8.self)
    let hasBreak = before.last { $0 != " " && $0 != "\t" } == "\n"
    return before + (hasBreak ? "" : "\n") + text(folder) + "\n" + after
  }

  /// The main file without the line; nil when it does not have it.
  static func removed(from main: String, folder: String) -> String? {
    let line = text(folder)
    let lines = main.split(separator: "\n", omittingEmptySubsequences: false)
    guard lines.contains(where: { $0 == line }) else { return nil }
    return lines.filter { $0 != line }.joined(separator: "\n")
  }

  /// Where the brace stands that closes the `http` block, in the text's bytes.
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
