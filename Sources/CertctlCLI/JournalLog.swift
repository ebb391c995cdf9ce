import CertctlBase
import CertctlSystem
import Logging

/// How much a line of the journal matters: the levels of sd-daemon(3) and syslog(3).
enum JournalLevel: Int, Sendable {
  case critical = 2
  case error = 3
  case warning = 4
  case notice = 5
  case info = 6
  case debug = 7

  /// The level of a log event.
  init(_ level: Logger.Level) {
    self =
      switch level {
      case .trace, .debug: .debug
      case .info: .info
      case .notice: .notice
      case .warning: .warning
      case .error: .error
      case .critical: .critical
      }
  }

  /// A text as journald reads it from a stream: the level before each line.
  ///
  /// A line without one would get the default level, and a line from elsewhere could claim any;
  /// so each gets its own, and empty ones, which journald drops, are left out.
  func lines(of text: String) -> String {
    text.split { $0.isNewline }
      .map { "<\(rawValue)>\(escapedForTerminal(String($0)))\n" }.joined()
  }
}

/// Writes the log to stderr as the journal of systemd wants it: a level before each line, and
/// neither time nor program, which the journal adds itself.
struct JournalLogHandler: LogHandler {
  var logLevel = Logger.Level.info
  var metadata: Logger.Metadata = [:]
  var metadataProvider: Logger.MetadataProvider?
  private let write: @Sendable (String) -> Void

  /// Makes a handler.
  ///
  /// - Parameter write: Takes one event's lines, in one piece: events of tasks side by side must
  ///   not mix.
  init(write: @escaping @Sendable (String) -> Void = { Terminal.write($0, to: .standardError) }) {
    self.write = write
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    var facts = metadata
    facts.merge(metadataProvider?.get() ?? [:]) { $1 }
    facts.merge(event.metadata ?? [:]) { $1 }
    if let error = event.error { facts["error"] = "\(error)" }
    let words = facts.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
    let text = ([event.message.description] + words).joined(separator: " ")
    write(JournalLevel(event.level).lines(of: text))
  }
}
