import CertctlCore
import CertctlSystem
import Synchronization

/// What stands on the terminal's current line; everything that certctl prints goes through here.
///
/// Results go to stdout, and progress and talk to stderr, but a person sees both on one terminal. So
/// one object knows whether the current line is taken, and frees it before anything else is printed.
/// Tasks that run side by side cannot mix their lines.
final class Screen: Sendable {
  /// The screen of this process.
  static let standard = Screen(
    canErase: Terminal.variable("TERM").map { $0 != "dumb" } ?? false,
    width: {
      // A COLUMNS that an outer shell has left behind must not make the line wrap.
      [
        Terminal.width(of: .standardError), Terminal.width(of: .standardError, columns: nil),
      ].compactMap { $0 }.min() ?? 80
    }, write: { Terminal.write($0, to: $1) })

  /// Whether a line can be erased; a terminal without `TERM`, or a dumb one, cannot.
  let canErase: Bool
  private let width: @Sendable () -> Int
  private let write: @Sendable (String, Terminal.Stream) -> Void
  private let state = Mutex(State())

  private struct State {
    var line = Line.free
    /// The last progress, where each one is a line of its own.
    var lastProgress = ""
  }

  /// What stands on the current line.
  private enum Line {
    case free, progress, question
  }

  /// Makes a screen.
  ///
  /// - Parameters:
  ///   - canErase: Whether its lines can be erased.
  ///   - width: Returns its width in columns.
  ///   - write: Writes text to a stream.
  init(
    canErase: Bool, width: @escaping @Sendable () -> Int,
    write: @escaping @Sendable (String, Terminal.Stream) -> Void
  ) {
    self.canErase = canErase
    self.width = width
    self.write = write
  }

  /// Prints whole lines, on a line of their own.
  func print(_ text: String, to stream: Terminal.Stream) {
    state.withLock { state in
      free(&state)
      write(text, stream)
    }
  }

  /// Shows on the current line what certctl is doing, in place of what it did before.
  ///
  /// - Parameter text: One line that is safe to print. What does not fit is cut off, because only one
  ///   line can be erased.
  func showProgress(_ text: String) {
    state.withLock { state in
      // A person who is being asked must not lose the question.
      guard state.line != .question else { return }
      guard canErase else {
        if text != state.lastProgress { write(text + "\n", .standardError) }
        state.lastProgress = text
        return
      }
      // One column stays free, or some terminals begin a new line.
      let fitted = text.fitted(to: width() - 1, ellipsis: "...")
      write("\r\u{1B}[2K\(fitted)", .standardError)
      state.line = .progress
    }
  }

  /// Asks a question, behind which the answer is typed.
  func ask(_ question: String) {
    state.withLock { state in
      free(&state)
      write(question, .standardError)
      state.line = .question
    }
  }

  /// Ends a question.
  ///
  /// - Parameter isTyped: Whether an answer was typed, which has ended the line.
  func endQuestion(isTyped: Bool) {
    state.withLock { state in
      if isTyped && state.line == .question { state.line = .free }
      free(&state)
    }
  }

  /// Frees the current line, such as before the process ends.
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

/// Shows what certctl is doing, to a person who watches.
struct ProgressLine: Sendable {
  private let output: Output

  init(_ output: Output) { self.output = output }

  /// Shows a step: in place on a terminal, as a line of its own with `--verbose`.
  func show(_ step: Progress) {
    if output.verbose {
      output.note(step.text, .info, isNamed: true)
    } else if output.isWatched {
      output.screen.showProgress("\(Talk.safe(step.text)) ...")
    }
  }

  /// Shows a text that changes often, such as a bar, where that can be done in place.
  func draw(_ text: String) {
    guard output.canDraw else { return }
    output.screen.showProgress(Talk.safe(text))
  }

  /// Takes the line away.
  func clear() { output.screen.clear() }
}
