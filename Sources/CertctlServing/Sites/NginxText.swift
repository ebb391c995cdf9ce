/// Builds the text of an nginx file: lines, indented by block.
struct NginxText {
  private(set) var text = ""
  private var depth = 0

  /// Adds a directive: its words, separated by spaces, and a semicolon.
  mutating func add(_ words: String...) {
    line(words.filter { !$0.isEmpty }.joined(separator: " ") + ";")
  }

  /// Adds a comment, one comment line per line of the text.
  mutating func comment(_ text: String) {
    for part in text.split(separator: "\n", omittingEmptySubsequences: false) {
      line(part.isEmpty ? "#" : "# \(part)")
    }
  }

  /// Adds an empty line.
  mutating func gap() { text += "\n" }

  /// Adds a block with the lines that `body` adds.
  mutating func block(_ head: String, _ body: (inout NginxText) -> Void) {
    line(head + " {")
    depth += 1
    body(&self)
    depth -= 1
    line("}")
  }

  private mutating func line(_ content: String) {
    text += String(repeating: "    ", count: depth) + content + "\n"
  }
}
