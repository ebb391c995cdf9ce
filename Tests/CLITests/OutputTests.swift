import Testing

@testable import CertctlCLI

struct OutputTests {
  @Test func `what a stranger said keeps its line breaks and commands no terminal`() {
    #expect(
      Output.safe("certctl: nginx: \u{1B}[31mevil\u{1B}[2J\r\nhint: a\u{202E}b\n")
        == "certctl: nginx: \\u{1B}[31mevil\\u{1B}[2J\\r\nhint: a\\u{202E}b\n")
    // What was made safe before stays as it is.
    #expect(Output.safe("a \\u{1B} b") == "a \\u{1B} b")
  }
}
