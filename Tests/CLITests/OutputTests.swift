import CertctlCore
import FoundationEssentials
import Logging
import Synchronization
import TestSupport
import Testing

@testable import CertctlCLI

/// What strangers wrote into talk: safe where it is printed, raw in JSON.
struct OutputTests {
  private let error = CertctlError(
    .authority, "refused: \u{1B}[31m\ncertctl: done", hint: "read \u{1B}[2J\r\ncertctl: hint: rm",
    details: ["a.test: \u{202E}b", "\ncertctl: done"])

  @Test func `an error is printed line by line, and no line can be faked`() {
    #expect(
      Talk(error).plain == """
        certctl: refused: \\u{1B}[31m\\ncertctl: done
          a.test: \\u{202E}b
          \\ncertctl: done
        certctl: hint: read \\u{1B}[2J\\r\\ncertctl: hint: rm

        """)
    #expect(
      Talk(error).journal(.error) == """
        <3>refused: \\u{1B}[31m\\ncertctl: done
        <3>  a.test: \\u{202E}b
        <3>  \\ncertctl: done
        <3>hint: read \\u{1B}[2J\\r\\ncertctl: hint: rm

        """)
  }

  @Test func `an error in JSON is what was written, with the details in the message`() throws {
    let data = try JSONEncoder().encode(ErrorDetail(error))
    let json = try #require(JSONValue([UInt8](data)))
    #expect(
      json["message"].string
        == "refused: \u{1B}[31m\ncertctl: done\n  a.test: \u{202E}b\n  \ncertctl: done")
    #expect(json["hint"].string == "read \u{1B}[2J\r\ncertctl: hint: rm")
    #expect(!String(decoding: data, as: UTF8.self).contains("\"lines\""))
  }

  @Test func `warnings and instructions are lines, too`() {
    #expect(
      Talk(warning: "a\nb", details: ["| c\u{7}"]).plain
        == "certctl: warning: a\\nb\n  | c\\u{7}\n")
    #expect(Talk(warning: "a\nb", details: ["c"]).journal(.warning) == "<4>a\\nb\n<4>  c\n")
    #expect(Talk(["do this:", "", "  x\r"]).plain == "do this:\n\n  x\\r\n")
    #expect(Talk(named: "a\nb").plain == "certctl: a\\nb\n")
    // What was made safe before stays as it is.
    #expect(Talk.safe("a \\u{1B} b") == "a \\u{1B} b")
  }

  @Test func `an event of the log on a terminal is one line`() {
    let written = Mutex<[String]>([])
    var logger = Logger(label: "certctl") { label in
      StreamLogHandler(
        label: label, stream: LogStream { text in written.withLock { $0.append(text) } })
    }
    logger.logLevel = .debug
    logger.debug("said\ncertctl: done \u{1B}[31m", metadata: ["fact": "a\r\nb"])
    let lines = written.withLock { $0 }
    #expect(lines.count == 1)
    #expect(lines[0].hasSuffix(" said\\ncertctl: done \\u{1B}[31m\n"), "\(lines)")
    #expect(lines[0].contains("fact=a\\r\\nb "), "\(lines)")
  }
}
