package import Logging

/// The outputs of certctl while it runs: the log, and messages to a person.
package struct Console: Sendable {
  /// The log.
  package var logger: Logger
  /// Reports the current step.
  package var progress: @Sendable (Progress) -> Void
  /// Prints a warning of one line.
  package var warn: @Sendable (String) -> Void
  /// Prints instructions line by line, such as records that the person must add.
  package var tell: @Sendable (_ lines: [String]) -> Void
  /// Whether a person sees the output.
  package var isAttended: Bool

  /// Creates a console; outputs that are left out are discarded.
  package init(
    logger: Logger = Logger(label: "certctl") { _ in SwiftLogNoOpLogHandler() },
    progress: @escaping @Sendable (Progress) -> Void = { _ in },
    warn: @escaping @Sendable (String) -> Void = { _ in },
    tell: @escaping @Sendable ([String]) -> Void = { _ in }, isAttended: Bool = false
  ) {
    self.logger = logger
    self.progress = progress
    self.warn = warn
    self.tell = tell
    self.isAttended = isAttended
  }
}
