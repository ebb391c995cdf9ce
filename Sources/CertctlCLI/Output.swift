import ACME
import ArgumentParser
import CertctlBase
import CertctlCore
import CertctlStore
import CertctlSystem
import FoundationEssentials

/// The output of a command: results on stdout, messages on stderr, one JSON object with `--json`.
///
/// Messages to the journal have a level but no program name, which the journal adds.
struct Output: Sendable {
  let json: Bool
  let quiet: Bool
  let verbose: Bool
  /// Whether stderr is the journal of systemd.
  var isJournal = Terminal.isJournal(.standardError)
  /// The screen that prints all output.
  var screen = Screen.standard

  /// Whether certctl can ask the user.
  var canAsk: Bool {
    !json && Terminal.isTerminal(.standardInput) && Terminal.isTerminal(.standardError)
  }

  /// Whether a user watches the progress on stderr.
  var isWatched: Bool { !json && !quiet && Terminal.isTerminal(.standardError) }

  /// Whether a progress bar can be redrawn in place.
  var canDraw: Bool { isWatched && screen.canErase }

  /// The style of stdout.
  var resultStyle: TerminalStyle { TerminalStyle(of: .standardOutput) }

  /// Shortens long messages in results; nil leaves them whole.
  var resultBrevity: Brevity? {
    isBrief(.standardOutput) ? Brevity(ellipsis: resultStyle.ellipsis) : nil
  }

  /// Returns whether long messages are shortened: on a terminal without `--verbose`.
  private func isBrief(_ stream: Terminal.Stream) -> Bool {
    !verbose && Terminal.isTerminal(stream)
  }

  // MARK: - Results

  /// Prints a result: the report with `--json`, else the text.
  ///
  /// - Parameters:
  ///   - report: The result for JSON.
  ///   - isVerbatim: Whether the user may copy the text, such as a file. Otherwise long lines are
  ///     wrapped on a terminal.
  ///   - text: The result for people.
  func result(
    _ report: some Encodable, isVerbatim: Bool = false, text: @autoclosure () -> TerminalText
  ) {
    guard json else {
      let width = isVerbatim ? nil : resultStyle.textWidth
      let text = width.map { text().flowed(to: $0) } ?? text()
      screen.print(text.string + "\n", to: .standardOutput)
      return
    }
    guard let data = try? StateCoding.encoder().encode(report) else { return }
    let text = TerminalText(json: String(decoding: data, as: UTF8.self))
    screen.print(text.string + "\n", to: .standardOutput)
  }

  // MARK: - Messages

  /// Prints a note, unless `--quiet` or `--json` is set.
  ///
  /// - Parameters:
  ///   - text: The note without the program's name.
  ///   - level: The level in the journal.
  ///   - isNamed: Whether the program's name precedes the note.
  func note(_ text: String, _ level: JournalLevel = .notice, isNamed: Bool = false) {
    guard !quiet, !json else { return }
    say(isNamed ? Talk(named: text) : Talk(note: text), level)
  }

  /// Prints lines verbatim, unless `--quiet` or `--json` is set.
  func note(lines: [String]) {
    guard !quiet, !json else { return }
    say(Talk(lines), .notice)
  }

  /// Prints a warning with details below it.
  func warn(_ text: String, details: [String] = []) {
    say(Talk(warning: text, details: details), .warning)
  }

  /// Prints an error with its details and its hint.
  func fail(_ error: CertctlError) {
    if json {
      result(ErrorReport(error), text: "")
      return
    }
    say(Talk(error), error.isRetryable ? .warning : .error)
  }

  private func say(_ talk: Talk, _ level: JournalLevel) {
    screen.print(isJournal ? talk.journal(level) : text(talk), to: .standardError)
  }

  private func text(_ talk: Talk) -> String {
    guard Terminal.isTerminal(.standardError) else { return talk.plain }
    return talk.text(on: TerminalStyle(of: .standardError), isBrief: isBrief(.standardError))
  }

  /// Asks a yes-or-no question and returns the answer; Ctrl-C and end of input mean no.
  func ask(_ question: String) async -> Bool {
    screen.ask("\(Talk.safe(question)) [y/N] ")
    let answer = await Terminal.readLine()
    screen.endQuestion(isTyped: answer != nil)
    return ["y", "yes"].contains(answer?.lowercased())
  }
}

/// An error in JSON.
private struct ErrorReport: Encodable {
  let version = 1
  let error: ErrorDetail

  init(_ error: CertctlError) { self.error = ErrorDetail(error) }
}
