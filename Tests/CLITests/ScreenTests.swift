import CertctlBase
import CertctlCore
import CertctlSystem
import FoundationEssentials
import Synchronization
import TestSupport
import Testing

@testable import CertctlCLI

/// The one owner of the terminal's current line.
struct ScreenTests {
  /// A screen whose output is kept.
  private final class Recorder: Sendable {
    private let pieces = Mutex<[(text: String, stream: Terminal.Stream)]>([])

    func screen(canErase: Bool = true, width: Int = 40) -> Screen {
      Screen(canErase: canErase, width: { width }) { text, stream in
        self.pieces.withLock { $0.append((text, stream)) }
      }
    }

    /// All that was written, to whichever stream: a person sees both on one terminal.
    var text: String { pieces.withLock { $0.map(\.text).joined() } }
    /// What went to stdout.
    var results: String {
      pieces.withLock { $0.filter { $0.stream == .standardOutput }.map(\.text).joined() }
    }

    func shown(columns: Int = 40) -> [String] {
      // A terminal turns each line feed into both.
      let text = text.split(separator: "\n", omittingEmptySubsequences: false)
        .joined(separator: "\r\n")
      return TerminalScreen(text, columns: columns).lines
    }
  }

  @Test func `nothing that is printed stands behind progress`() {
    let recorder = Recorder()
    let screen = recorder.screen()
    screen.showProgress("ordering ...")
    screen.print("certctl: warning: odd\n", to: .standardError)
    screen.showProgress("validating ...")
    screen.showProgress("fetching ...")
    screen.print("Issued example.com\n", to: .standardOutput)
    #expect(recorder.shown() == ["certctl: warning: odd", "Issued example.com"])
    #expect(recorder.results == "Issued example.com\n")
    #expect(recorder.text.contains("\r\u{1B}[2Kvalidating ...\r\u{1B}[2Kfetching ..."))
  }

  @Test func `a result and a note leave the line free through the same owner`() {
    let recorder = Recorder()
    let screen = recorder.screen()
    var output = Output(json: false, quiet: false, verbose: false, isJournal: false)
    output.screen = screen
    for say in [
      { output.result(["a"], text: "said") }, { output.note("said") }, { output.warn("said") },
      { output.fail(CertctlError(.state, "said")) }, { output.note(lines: ["said"]) },
    ] {
      screen.showProgress("working ...")
      say()
      #expect(recorder.shown().last?.hasSuffix("said") == true)
      #expect(recorder.shown().last?.contains("working") == false, "\(recorder.shown())")
    }
  }

  @Test func `progress is cut, because only one line can be erased`() {
    let recorder = Recorder()
    let screen = recorder.screen(width: 20)
    screen.showProgress("waiting for the name servers to have 12 records ...")
    #expect(recorder.text == "\r\u{1B}[2Kwaiting for the ...")
    screen.clear()
    #expect(recorder.shown(columns: 20).allSatisfy { $0.isEmpty })
    screen.clear()
    #expect(recorder.text.hasSuffix("...\r\u{1B}[2K"))
  }

  @Test func `a terminal that cannot erase gets lines, and each progress once`() {
    let recorder = Recorder()
    let screen = recorder.screen(canErase: false, width: 10)
    for text in ["ordering one ...", "ordering one ...", "fetching ..."] {
      screen.showProgress(text)
    }
    screen.print("Issued\n", to: .standardOutput)
    screen.showProgress("fetching ...")
    screen.clear()
    #expect(recorder.text == "ordering one ...\nfetching ...\nIssued\n")
  }

  @Test func `a question is not overwritten, and nothing stands behind it`() {
    let recorder = Recorder()
    let screen = recorder.screen()
    screen.showProgress("asking ...")
    screen.ask("Delete it? [y/N] ")
    screen.showProgress("hidden ...")
    screen.print("certctl: interrupted\n", to: .standardError)
    screen.endQuestion(isTyped: false)
    #expect(recorder.shown() == ["Delete it? [y/N]", "certctl: interrupted"])
    screen.ask("Delete it? [y/N] ")
    screen.endQuestion(isTyped: false)
    screen.ask("And now? [y/N] ")
    screen.endQuestion(isTyped: true)
    #expect(recorder.text.hasSuffix("Delete it? [y/N] \nAnd now? [y/N] "))
  }
}

/// The emulation that tests of screens rely on.
struct TerminalScreenTests {
  @Test func `a line that is erased leaves what it had wrapped to above it`() {
    let screen = TerminalScreen("1234567\r\u{1B}[2Kx\r\nend", columns: 5)
    #expect(screen.lines == ["12345x", "end"])
    #expect(screen.wrapped == ["12345x"])
    #expect(screen.unknown.isEmpty)
  }

  @Test func `a full line does not wrap, colours take no place, and the rest is told`() {
    let screen = TerminalScreen("\u{1B}[31m12345\u{1B}[0m\r\nab\rc\r\n\u{1B}[H\u{7}", columns: 5)
    #expect(screen.lines == ["12345", "cb"])
    #expect(screen.wrapped.isEmpty)
    #expect(screen.unknown == ["[H", "7"])
  }
}
