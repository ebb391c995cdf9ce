import CertctlSystem
import Glibc
import Logging
import Synchronization
import TestSupport
import Testing

@testable import CertctlCLI

/// What goes to stderr under systemd.
struct JournalTests {
  @Test(arguments: [
    (JournalLevel.error, ["one"], "<3>one\n"),
    (.warning, ["one", "two"], "<4>one\n<4>two\n"),
    (.notice, ["one", "", "two\r\n"], "<5>one\n<5>two\\r\\n\n"),
    // A line that claims a level of its own is text.
    (.info, ["one", "<0>two"], "<6>one\n<6><0>two\n"),
    (.info, ["one\n<0>two"], "<6>one\\n<0>two\n"),
    (.debug, ["a\u{1B}[31m"], "<7>a\\u{1B}[31m\n"),
    (.critical, [""], ""),
  ])
  func `each line has its level`(_ level: JournalLevel, _ lines: [String], _ text: String) {
    #expect(level.lines(lines) == text)
  }

  @Test(arguments: [
    (Logger.Level.trace, "<7>"), (.debug, "<7>"), (.info, "<6>"), (.notice, "<5>"),
    (.warning, "<4>"), (.error, "<3>"), (.critical, "<2>"),
  ])
  func `levels of the log are levels of the journal`(_ level: Logger.Level, _ prefix: String) {
    let written = Recorder()
    var logger = Logger(label: "test") { _ in JournalLogHandler { written.add($0) } }
    logger.logLevel = .trace
    logger.log(level: level, "first\nsecond")
    #expect(written.all == ["\(prefix)first\\nsecond\n"])
  }

  @Test func `facts come behind the message, in order, the nearest wins`() {
    let written = Recorder()
    let provider = Logger.MetadataProvider { ["a": "provider", "b": "provider"] }
    var logger = Logger(label: "test") { _ in
      var handler = JournalLogHandler { written.add($0) }
      handler.metadataProvider = provider
      return handler
    }
    logger[metadataKey: "a"] = "logger"
    logger[metadataKey: "c"] = "logger"
    logger.info("said", metadata: ["c": "call", "d": "line\n<0>break"])
    #expect(written.all == ["<6>said a=provider b=provider c=call d=line\\n<0>break\n"])
    logger.debug("not said")
    #expect(written.all.count == 1)
  }

  // MARK: - Detection

  @Test func `the journal is told by device and inode`() {
    var status = stat()
    #expect(fstat(2, &status) == 0)
    let own = "\(status.st_dev):\(status.st_ino)"
    #expect(Terminal.isJournal(.standardError, announced: own))
    for other in [
      nil, "", ":", "\(status.st_dev)", "\(status.st_dev):\(status.st_ino + 1)",
      "\(status.st_dev + 1):\(status.st_ino)", "\(own) ", "x\(own)",
    ] {
      #expect(!Terminal.isJournal(.standardError, announced: other), "\(other ?? "nil")")
    }
  }

  /// Runs `certctl`, with `JOURNAL_STREAM` as systemd sets it for its stderr.
  private func underSystemd(
    _ bench: CommandLineBench, _ words: [String], redirection: String = ""
  ) async throws -> ProgramResult {
    var program = bench.binary.program(words)
    let script =
      "JOURNAL_STREAM=$(stat -L -c %d:%i /dev/fd/2); export JOURNAL_STREAM; "
      + "exec \"$@\" \(redirection)"
    program.arguments = ["-c", script, "sh", program.executable] + program.arguments
    program.executable = "sh"
    return try await program.run()
  }

  @Test(.requires("sh", "stat"))
  func `errors go to the journal with their level, and without the program's name`() async throws {
    try await CommandLineBench.with { bench in
      let words = ["show", "example.com"]
      let plain = try await bench.binary.run(words)
      #expect(plain.standardError.hasPrefix("certctl: no certificate"))
      #expect(plain.standardError.contains("\ncertctl: hint: "))
      let journal = try await underSystemd(bench, words)
      #expect(journal.exitCode == plain.exitCode)
      #expect(journal.standardError.hasPrefix("<3>no certificate"))
      #expect(journal.standardError.contains("\n<3>hint: "))
      // Wrong usage is found before there is a command.
      let usage = try await underSystemd(bench, ["list", "--jsn"])
      #expect(usage.standardError.hasPrefix("<3>unknown option"))
    }
  }

  @Test(.requires("sh", "stat"))
  func `with stderr elsewhere, nothing changes under systemd either`() async throws {
    try await CommandLineBench.with { bench in
      let path = bench.folder.path("errors")
      let words = ["show", "example.com"]
      _ = try await underSystemd(bench, words, redirection: "2>'\(path)'")
      #expect(try await bench.binary.run(words).standardError == bench.folder.read("errors"))
    }
  }
}

private final class Recorder: Sendable {
  private let texts = Mutex<[String]>([])
  var all: [String] { texts.withLock { $0 } }
  func add(_ text: String) { texts.withLock { $0.append(text) } }
}
