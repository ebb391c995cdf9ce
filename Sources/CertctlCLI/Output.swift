import ACME
import ArgumentParser
import CertctlBase
import CertctlCore
import CertctlStore
import CertctlSystem
import FoundationEssentials
import Synchronization

/// What a command prints: results on stdout, talk on stderr, one JSON object with `--json`.
///
/// Talk goes to the journal with levels, and without the program's name, which is there already.
struct Output: Sendable {
  let json: Bool
  let quiet: Bool
  let verbose: Bool
  /// Whether stderr is the journal of systemd.
  var isJournal = Terminal.isJournal(.standardError)

  /// Whether a person can be asked.
  var canAsk: Bool {
    !json && Terminal.isTerminal(.standardInput) && Terminal.isTerminal(.standardError)
  }

  /// Whether a person watches stderr.
  var isWatched: Bool { !json && !quiet && Terminal.isTerminal(.standardError) }

  // MARK: - Results

  /// Prints a result: the report with `--json`, else the text.
  func result(_ report: some Encodable, text: @autoclosure () -> TerminalText) {
    guard json else {
      Terminal.write(text().string + "\n", to: .standardOutput)
      return
    }
    guard let data = try? StateCoding.encoder().encode(report) else { return }
    let text = TerminalText(json: String(decoding: data, as: UTF8.self))
    Terminal.write(text.string + "\n", to: .standardOutput)
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
    say(isNamed ? Talk(named: text) : Talk([text]), level)
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
    Terminal.write(isJournal ? talk.journal(level) : talk.plain, to: .standardError)
  }

  /// Asks a question that is answered by yes or no; Ctrl-C and the end of the input are a no.
  func ask(_ question: String) async -> Bool {
    Terminal.write("\(Talk.safe(question)) [y/N] ", to: .standardError)
    let answer = await Terminal.readLine()?.lowercased() ?? ""
    return answer == "y" || answer == "yes"
  }
}

/// An error in JSON.
private struct ErrorReport: Encodable {
  let version = 1
  let error: ErrorDetail

  init(_ error: CertctlError) { self.error = ErrorDetail(error) }
}

/// The one line on a terminal that says what certctl is doing.
final class ProgressLine: Sendable {
  private let output: Output
  private let isShown = Mutex(false)

  init(_ output: Output) { self.output = output }

  /// Shows a step: in place on a terminal, as a line of its own with `--verbose`.
  func show(_ step: Progress) {
    if output.verbose {
      output.note(step.text, .info, isNamed: true)
    } else if output.isWatched {
      isShown.withLock { $0 = true }
      Terminal.write("\r\u{1B}[2K\(Talk.safe(step.text)) ...", to: .standardError)
    }
  }

  /// Shows a text in place, where a person watches.
  func draw(_ text: String) {
    guard output.isWatched else { return }
    isShown.withLock { $0 = true }
    Terminal.write("\r\u{1B}[2K\(Talk.safe(text))", to: .standardError)
  }

  /// Takes the line away, before anything else is printed.
  func clear() {
    isShown.withLock { isShown in
      if isShown { Terminal.write("\r\u{1B}[2K", to: .standardError) }
      isShown = false
    }
  }
}
