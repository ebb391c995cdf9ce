import CertctlBase
import FoundationEssentials
import Testing

struct TerminalTextTests {
  private let evil = "\u{1B}[31m\ncertctl: done"
  private let shown = "\\u{1B}[31m\\ncertctl: done"

  @Test func `literals are kept, interpolations are escaped`() {
    let text: TerminalText = "\u{1B}[1mname\u{1B}[0m\n\t\(evil), \(1)"
    #expect(text.string == "\u{1B}[1mname\u{1B}[0m\n\t\(shown), 1")
    #expect("\(text)" == text.string)
  }

  @Test func `an interpolated TerminalText is not escaped again`() {
    let inner: TerminalText = "a\n\(evil)"
    let outer: TerminalText = "[\(inner)]"
    #expect(outer.string == "[a\n\(shown)]")
    let list: [TerminalText] = ["\(evil)", "b\n"]
    #expect(list.joined(separator: ",\n").string == "\(shown),\nb\n")
    #expect((inner + "\n\(evil)").string == "a\n\(shown)\n\(shown)")
    var more = inner
    more += "\n"
    #expect(more.string == "a\n\(shown)\n")
  }

  @Test func `detail lines are indented and escaped`() {
    #expect(TerminalText(evil, details: [evil, "b"]).string == "\(shown)\n  \(shown)\n  b")
    #expect(TerminalText(escaping: evil).string == shown)
    #expect(TerminalText(raw: evil).string == evil)
  }

  @Test func `JSON escapes control characters and keeps its value`() throws {
    let said = ["message": "a\u{9B}31m\u{202E}b\u{7F}\u{E0001}\u{1B}[2J\nc"]
    let encoder = JSONEncoder()
    encoder.outputFormatting = .prettyPrinted
    let plain = String(decoding: try encoder.encode(said), as: UTF8.self)
    let shown = TerminalText(json: plain).string
    #expect(shown.contains(#"a\u009B31m\u202Eb\u007F\uDB40\uDC01"#), "\(shown)")
    #expect(shown.split(separator: "\n").allSatisfy { escapedForTerminal(String($0)) == $0 })
    #expect(try JSONDecoder().decode([String: String].self, from: Data(shown.utf8)) == said)
    #expect(TerminalText(json: "{\n}").string == "{\n}")
  }
}
