/// The text of an nginx file under way: lines, indented by the blocks that they stand in.
struct NginxText {
  private(set) var text = ""
  private var depth = 0

  /// A directive without its semicolon: its words with blanks between them.
  mutating func add(_ words: String...) {
    line(words.filter { !$0.isEmpty }.joined(separator: " ") + ";")
  }

  /// A comment, of one line for each line of the text.
  mutating func comment(_ text: String) {
    for part in text.split(separator: "\n", omittingEmptySubsequences: false) {
      line(part.isEmpty ? "#" : "# \(part)")
    }
  }

  /// An empty line.
  mutating func gap() { text += "\n" }

  /// A block with what `body` writes into it.
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
