import ACME
import ArgumentParser
import CertctlBase
import CertctlCore
import CertctlStore
import CertctlSystem
import FoundationEssentials

/// What a command prints: results on stdout, talk on stderr, one JSON object with `--json`.
///
/// Talk goes to the journal with levels, and without the program's name, which is there already.
struct Output: Sendable {
  let json: Bool
  let quiet: Bool
  let verbose: Bool
  /// Whether stderr is the journal of systemd.
  var isJournal = Terminal.isJournal(.standardError)
  /// Where all of it is printed.
  var screen = Screen.standard

  /// Whether a person can be asked.
  var canAsk: Bool {
    !json && Terminal.isTerminal(.standardInput) && Terminal.isTerminal(.standardError)
  }

  /// Whether a person watches stderr.
  var isWatched: Bool { !json && !quiet && Terminal.isTerminal(.standardError) }

  /// Whether a person watches a picture that changes.
  var canDraw: Bool { isWatched && screen.canErase }

  /// What stdout can show.
  var resultStyle: TerminalStyle { TerminalStyle(of: .standardOutput) }

  /// Cuts long messages in results; nil where they stay whole.
  var resultBrevity: Brevity? {
    isBrief(.standardOutput) ? Brevity(ellipsis: resultStyle.ellipsis) : nil
  }

  /// Whether long messages are cut on a stream: only for a person, who can ask for all.
  private func isBrief(_ stream: Terminal.Stream) -> Bool {
    !verbose && Terminal.isTerminal(stream)
  }

  // MARK: - Results

  /// Prints a result: the report with `--json`, else the text.
  ///
  /// - Parameters:
  ///   - report: What JSON tells.
  ///   - isVerbatim: Whether the text is a file that a person may copy; else long lines are broken
  ///     between words on a terminal.
  ///   - text: What a person reads.
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

  // MARK: - Talk

  /// Says something that a person may want to know.
  ///
  /// - Parameters:
  ///   - text: What to say, without the program's name.
  ///   - level: How much it matters, for the journal.
  ///   - isNamed: Whether the program's name stands before it.
  func note(_ text: String, _ level: JournalLevel = .notice, isNamed: Bool = false) {
    guard !quiet, !json else { return }
    say(isNamed ? Talk(named: text) : Talk(note: text), level)
  }

  /// Says several lines that a person may want to know.
  func note(lines: [String]) {
    guard !quiet, !json else { return }
    say(Talk(lines), .notice)
  }

  /// Says something that a person should know although nothing failed, and lines below it.
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

  /// Asks a question that is answered by yes or no; Ctrl-C and the end of the input are a no.
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
