import CertctlCore
import CertctlSystem
import Synchronization

/// The screen that all output of certctl goes through.
///
/// Results go to stdout, progress and messages to stderr, but a terminal shows both. This type
/// tracks progress or a question on the current line, and ends that line before it prints anything
/// else. Concurrent tasks cannot mix their lines.
final class Screen: Sendable {
  /// The screen of this process.
  static let standard = Screen(
    canErase: Terminal.variable("TERM").map { $0 != "dumb" } ?? false,
    width: {
      // An outdated COLUMNS of an outer shell must not make the line wrap.
      [
        Terminal.width(of: .standardError), Terminal.width(of: .standardError, columns: nil),
      ].compactMap { $0 }.min() ?? 80
    }, write: { Terminal.write($0, to: $1) })

  /// Whether a line can be erased; false if `TERM` is missing or `dumb`.
  let canErase: Bool
  private let width: @Sendable () -> Int
  private let write: @Sendable (String, Terminal.Stream) -> Void
  private let state = Mutex(State())

  private struct State {
    var line = Line.free
    /// The last progress on a terminal that cannot erase lines.
    var lastProgress = ""
  }

  /// The contents of the current line.
  private enum Line {
    case free, progress, question
  }

  /// Creates a screen.
  ///
  /// - Parameters:
  ///   - canErase: Whether lines can be erased.
  ///   - width: Returns the width in columns.
  ///   - write: Writes text to a stream.
  init(
    canErase: Bool, width: @escaping @Sendable () -> Int,
    write: @escaping @Sendable (String, Terminal.Stream) -> Void
  ) {
    self.canErase = canErase
    self.width = width
    self.write = write
  }

  /// Ends the current line and prints whole lines.
  func print(_ text: String, to stream: Terminal.Stream) {
    state.withLock { state in
      free(&state)
      write(text, stream)
    }
  }

  /// Replaces the progress on the current line; does nothing while a question is open.
  ///
  /// - Parameter text: One line that is safe to print. It is cut to the terminal's width, because
  ///   only one line can be erased.
  func showProgress(_ text: String) {
    state.withLock { state in
      // Do not erase a question that waits for its answer.
      guard state.line != .question else { return }
      guard canErase else {
        if text != state.lastProgress { write(text + "\n", .standardError) }
        state.lastProgress = text
        return
      }
      // Some terminals wrap when the last column is used.
      let fitted = text.fitted(to: width() - 1, ellipsis: "...")
      write("\r\u{1B}[2K\(fitted)", .standardError)
      state.line = .progress
    }
  }

  /// Prints a question; the user types the answer on the same line.
  func ask(_ question: String) {
    state.withLock { state in
      free(&state)
      write(question, .standardError)
      state.line = .question
    }
  }

  /// Ends a question.
  ///
  /// - Parameter isTyped: Whether the user typed an answer and thus ended the line.
  func endQuestion(isTyped: Bool) {
    state.withLock { state in
      if isTyped && state.line == .question { state.line = .free }
      free(&state)
    }
  }

  /// Clears the current line, for example before the process ends.
  func clear() { state.withLock { free(&$0) } }

  private func free(_ state: inout State) {
    switch state.line {
    case .free: break
    case .progress: write("\r\u{1B}[2K", .standardError)
    case .question: write("\n", .standardError)
    }
    state.line = .free
  }
}

/// The progress display of a command.
struct ProgressLine: Sendable {
  private let output: Output

  init(_ output: Output) { self.output = output }

  /// Shows a step: on the current line of a terminal, on a line of its own with `--verbose`.
  func show(_ step: Progress) {
    if output.verbose {
      output.note(step.text, .info, isNamed: true)
    } else if output.isWatched {
      output.screen.showProgress("\(Talk.safe(step.text)) ...")
    }
  }

  /// Shows a text that changes often, such as a bar, if the terminal can erase lines.
  func draw(_ text: String) {
    guard output.canDraw else { return }
    output.screen.showProgress(Talk.safe(text))
  }

  /// Removes the progress.
  func clear() { output.screen.clear() }
}
