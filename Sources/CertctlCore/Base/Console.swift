package import Logging

/// Where certctl says what it does: the log, and the person who watches.
package struct Console: Sendable {
  /// The log.
  package var logger: Logger
  /// Told what is going on.
  package var progress: @Sendable (Progress) -> Void
  /// Told what a person should know although nothing failed, on one line.
  package var warn: @Sendable (String) -> Void
  /// Tells a person what has to be done now, line by line, such as records to be made by hand.
  package var tell: @Sendable (_ lines: [String]) -> Void
  /// Whether there is a person who sees it.
  package var isAttended: Bool

  /// A console; what is left out goes nowhere.
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
